/**
 * Ways of reading the pair counts (statistics.ts) for a history: transitions, which are what users took after (`f`) and
 * before (`b`) an item, and co-occurrences (`co`), which are what the same users took within a window of events,
 * whichever came first.
 *
 * An event adds r = round(64 w 0.8^a) to the transition counts of its item and the item a events before it, for a < 20,
 * and its weight w to the co-occurrence counts with the 30 items before it. A list reads sums over the user's newest
 * items, in shorter and longer memory. Its explanation names those items.
 */
import { FULL } from '../state/statistics.ts';
import { FEATURE, type FeatureName, SIGNAL } from './names.ts';

/**
 * One reading: which count, how it fades with events further back, and how it is damped by the frequencies of both
 * items. `s(j) = n_j^-target sum_a decay^a n[h_a]^-source C[h_a][j]`
 */
export interface PairChannel {
  name: FeatureName;
  /** The signal that a reason names. */
  signal: typeof SIGNAL.transition | typeof SIGNAL.coOccurrence;
  count: 'f' | 'b' | 'co';
  decay: number;
  source: number;
  target: number;
  /** What one full event counts in the table. */
  unit: number;
}

/** What one full event counts in `f` and `b` when it comes right after another. */
export const TRANSITION_UNIT = 1024;
/** n^-.3 on both sides, as measured on MovieLens and Amazon Beauty. */
const transition = { signal: SIGNAL.transition, source: 0.3, target: 0.3, unit: TRANSITION_UNIT } as const;
const coOccurrence = { signal: SIGNAL.coOccurrence, count: 'co', source: 0.5, target: 0.5, unit: FULL } as const;

export const TRANSITION_CHANNELS: readonly PairChannel[] = [
  { ...transition, name: FEATURE.afterShort, count: 'f', decay: 0.5 },
  { ...transition, name: FEATURE.afterLong, count: 'f', decay: 0.8 },
  { ...transition, name: FEATURE.beforeShort, count: 'b', decay: 0.5 },
  { ...transition, name: FEATURE.beforeLong, count: 'b', decay: 0.8 },
];

/** Sums like cosines, fading and not. */
export const CO_OCCURRENCE_CHANNELS: readonly PairChannel[] = [
  { ...coOccurrence, name: FEATURE.coOccurrenceRecent, decay: 0.8 },
  { ...coOccurrence, name: FEATURE.coOccurrenceAll, decay: 1 },
];

/** Channels in the order of their columns. `PairSums.add` knows how many read which count. */
export const PAIR_CHANNELS: readonly PairChannel[] = [...TRANSITION_CHANNELS, ...CO_OCCURRENCE_CHANNELS];
