/** Which snapshots are kept: to start from the newest, to go back to older ones and to other settings (decision 0021). */

export interface Written {
  name: string;
  /** Milliseconds since 1970. */
  written: number;
  /** Hash of the settings that it was made under; undefined: it does not say. */
  config: string | undefined;
}

const HOUR_MS = 3_600_000;

/**
 * Names of those that stay: the `keep` newest; of each stretch of ages that ends at 1, 2, 4, ... hours, `older` of
 * them, the oldest one (the newest would never come to the next stretch); and the newest of the `older` configurations
 * that were written last.
 */
export function keptOf(
  snapshots: readonly Written[],
  { keep, older, now }: { keep: number; older: number; now: number },
): Set<string> {
  const byAge = [...snapshots].sort((a, b) => b.written - a.written || (a.name < b.name ? 1 : -1));
  const kept = new Set(byAge.slice(0, keep).map(({ name }) => name));
  for (let stretch = 0; stretch < older; stretch++) {
    const [from, to] = [stretch === 0 ? 0 : HOUR_MS * 2 ** (stretch - 1), HOUR_MS * 2 ** stretch];
    const oldest = byAge.findLast(({ written }) => now - written >= from && now - written < to);
    if (oldest) kept.add(oldest.name);
  }
  const configs = new Set<string>();
  for (const { name, config } of byAge) {
    if (config === undefined || configs.has(config) || configs.size >= older) continue;
    configs.add(config);
    kept.add(name);
  }
  return kept;
}
