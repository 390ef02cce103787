/**
 * Retention of snapshots: the newest ones for a start, older ones and those of other settings for a rollback (decision
 * 0021).
 */

export interface SnapshotAge {
  name: string;
  /** When it was written, milliseconds since 1970. */
  written: number;
  /** Hash of the settings of the engine that wrote it; undefined if its manifest is not readable. */
  config: string | undefined;
}

const HOUR_MS = 3_600_000;

/**
 * The names of the snapshots that stay:
 *
 * - the `keep` newest ones;
 * - the oldest one of each of `older` ranges of age, which end at 1, 2, 4, ... hours. The newest one of a range would
 *   never reach the next range;
 * - the newest one of each of the `older` configurations that were written last.
 */
export function retained(
  snapshots: readonly SnapshotAge[],
  { keep, older, now }: { keep: number; older: number; now: number },
): Set<string> {
  const byAge = [...snapshots].sort((a, b) => b.written - a.written || (a.name < b.name ? 1 : -1));
  const names = new Set(byAge.slice(0, keep).map(({ name }) => name));
  for (let range = 0; range < older; range++) {
    const [from, to] = [range === 0 ? 0 : HOUR_MS * 2 ** (range - 1), HOUR_MS * 2 ** range];
    const oldest = byAge.findLast(({ written }) => now - written >= from && now - written < to);
    if (oldest) names.add(oldest.name);
  }
  const configs = new Set<string>();
  for (const { name, config } of byAge) {
    if (config === undefined || configs.has(config) || configs.size >= older) continue;
    configs.add(config);
    names.add(name);
  }
  return names;
}
