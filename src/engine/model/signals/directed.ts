/**
 * Directed counts: what came after (f), and before (b), the items of a history, in short and in longer memory.
 *
 * An event adds r = round(64 w 0.8^a) to the pair of its item and the one a events before it (statistics.ts). A reader
 * gets sums over their newest items. Explained by the items whose followers (or predecessors) it is.
 */
import type { PairChannel } from './pair-channel.ts';

const FULL = 1024;

/** Exponents by the design's measurements on MovieLens and Amazon Beauty: n^-.3 on both sides. */
export const DIRECTED_CHANNELS: readonly PairChannel[] = [
  { name: 'after-short', signal: 'directed', count: 'f', decay: 0.5, source: 0.3, target: 0.3, unit: FULL },
  { name: 'after-long', signal: 'directed', count: 'f', decay: 0.8, source: 0.3, target: 0.3, unit: FULL },
  { name: 'before-short', signal: 'directed', count: 'b', decay: 0.5, source: 0.3, target: 0.3, unit: FULL },
  { name: 'before-long', signal: 'directed', count: 'b', decay: 0.8, source: 0.3, target: 0.3, unit: FULL },
];
