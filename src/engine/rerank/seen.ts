/** Decides which seen items a list leaves out, and when they may come back, by type of event. */

export interface SeenRule {
  /** Milliseconds after which a seen item may come back; 0: never. */
  forMs: number;
  /** The same by verb of the event; below 0: such an event leaves no item out. */
  byVerb: ReadonlyMap<string, number>;
}

export const SEEN_FOR_GOOD: SeenRule = { forMs: 0, byVerb: new Map() };

/** @param byType seconds by type of event, `user.viewed.v1`; -1: leaves no item out */
export const seenRule = (seconds: number, byType: Readonly<Record<string, number>>, over?: SeenRule): SeenRule => ({
  forMs: seconds * 1_000,
  byVerb: new Map([
    ...(over?.byVerb ?? []),
    ...Object.entries(byType).map(([type, s]) => [type.split('.')[1] ?? type, s < 0 ? -1 : s * 1_000] as const),
  ]),
});

/** Whether the list leaves out all seen items for good, which the model does by itself. */
export const isForGood = ({ forMs, byVerb }: SeenRule): boolean =>
  forMs === 0 && [...byVerb.values()].every((ms) => ms === 0);

/** Items that a list leaves out at a time. One event of an item suffices to leave it out. */
export function keptOut(
  history: readonly { item: string; time: number; seq: number }[],
  { forMs, byVerb }: SeenRule,
  now: number,
  verbOf: (seq: number) => string | undefined,
): string[] {
  const out: string[] = [];
  for (const { item, time, seq } of history) {
    const ms = (byVerb.size === 0 ? undefined : byVerb.get(verbOf(seq) ?? '')) ?? forMs;
    if (ms === 0 || (ms > 0 && time > now - ms)) out.push(item);
  }
  return out;
}
