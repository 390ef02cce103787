/** Every setting in which a stream of the server differs from ours, and what each difference means. */
import { comparable, type FoundSettings, isIdle, limitOf, SETTINGS, type Subject } from './settings.ts';
import type { WireStream } from './wire.ts';

export interface SettingChange {
  setting: string;
  found: unknown;
  /** Null for a setting that this release does not know. */
  wanted: unknown;
  /** Why the change would lose messages, or why the server cannot make it; undefined for a safe change. */
  danger?: string;
  /** Why the setting, if it stays, loses messages; undefined if it may stay. */
  hazard?: string;
  possible: boolean;
}

export interface Comparison {
  /** What Freshet changes. */
  changes: SettingChange[];
  /** What it shows only: the operator's choices, and settings of a server that is newer than this release. */
  notes: SettingChange[];
}

/** What differs between a server's settings and ours. */
export function compareConfig(
  found: FoundSettings,
  wanted: WireStream,
  subject: Subject = { open: !/^(KV|OBJ)_/.test(wanted.name) },
): Comparison {
  const comparison: Comparison = { changes: [], notes: [] };
  const ours = wanted as FoundSettings;
  for (const setting of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
    const known = SETTINGS[setting];
    if (!known && isIdle(found[setting])) continue;
    const before = comparable(setting, found[setting]);
    const after = comparable(setting, ours[setting]);
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    if (!known || known.choice) {
      comparison.notes.push({ setting, found: before, wanted: after, possible: false });
      continue;
    }
    const danger = dangerOf(setting, before, after);
    const hazard = known.hazard?.(before, after, found, subject);
    comparison.changes.push({
      setting,
      found: before,
      wanted: after,
      possible: !isFixed(setting, before),
      ...(danger ? { danger } : {}),
      ...(hazard ? { hazard } : {}),
    });
  }
  return comparison;
}

function isFixed(setting: string, before: unknown): boolean {
  const fixed = SETTINGS[setting]?.fixed;
  return fixed === 'always' || (fixed === 'once on' && before === true);
}

const LIMITS: ReadonlySet<string> = new Set(['max_age', 'max_bytes', 'max_msgs', 'max_msgs_per_subject']);

/** Narrower limits delete messages. A setting that the server cannot change needs another stream. */
function dangerOf(setting: string, before: unknown, after: unknown): string | undefined {
  if (isFixed(setting, before))
    return SETTINGS[setting]?.fixed === 'always'
      ? 'the server sets it at creation only: the change deletes the stream with all its messages and creates it again'
      : 'the server cannot switch it off again: the change deletes the stream with all its messages and creates it again';
  if (LIMITS.has(setting) && limitOf(after) < limitOf(before)) return 'the server deletes messages over the new limit';
  if (setting === 'subjects') {
    const lost = (before as string[]).filter((subject) => !(after as string[]).some((wide) => covers(wide, subject)));
    if (lost.length > 0) return `the stream no longer stores messages on ${lost.join(', ')}`;
  }
  return undefined;
}

/** Whether a subject with wildcards matches all that another one matches: `ev.>` covers `ev.user.*`. */
const covers = (wide: string, narrow: string): boolean =>
  wide === narrow || (wide.endsWith('.>') && narrow.startsWith(wide.slice(0, -1)));
