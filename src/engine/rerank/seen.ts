/** Which items of a user's history are kept out of their list, and when they may come back: by type of event. */

export interface SeenRule {
  /** Milliseconds after which an item that was seen may come back; 0: never. */
  forMs: number;
  /** The same by verb of the event; less than 0: such an event keeps nothing out. */
  byVerb: ReadonlyMap<string, number>;
}

export const SEEN_FOR_GOOD: SeenRule = { forMs: 0, byVerb: new Map() };

/** @param byType seconds by type of event, `user.viewed.v1`; -1: keeps nothing out */
export const seenRule = (seconds: number, byType: Readonly<Record<string, number>>, over?: SeenRule): SeenRule => ({
  forMs: seconds * 1_000,
  byVerb: new Map([
    ...(over?.byVerb ?? []),
    ...Object.entries(byType).map(([type, s]) => [type.split('.')[1] ?? type, s < 0 ? -1 : s * 1_000] as const),
  ]),
});

/** Whether everything in a history is kept out for good, which the model does by itself. */
export const isForGood = ({ forMs, byVerb }: SeenRule): boolean =>
  forMs === 0 && [...byVerb.values()].every((ms) => ms === 0);

/** Items that events of a history keep out at a time; an item is out as long as one of its events says so. */
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
