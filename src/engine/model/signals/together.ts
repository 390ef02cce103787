/**
 * Symmetric counts: what the same users take within a window of events, whatever comes first.
 *
 * An event adds its weight to the pairs with the 30 events before it (statistics.ts). A reader gets cosine-like sums
 * over their items, fading and unfaded. Explained by the items it goes together with.
 */
import { FULL } from '../state/statistics.ts';
import type { PairChannel } from './pair-channel.ts';

export const TOGETHER_CHANNELS: readonly PairChannel[] = [
  { name: 'together-recent', signal: 'together', count: 'co', decay: 0.8, source: 0.5, target: 0.5, unit: FULL },
  { name: 'together-all', signal: 'together', count: 'co', decay: 1, source: 0.5, target: 0.5, unit: FULL },
];
