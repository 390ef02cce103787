/** Features of a candidate: the columns of the feature table, and how a signal's value becomes a feature. */
import { ln } from '../primitives/math.ts';
import { PAIR_CHANNELS } from '../signals/co-occurrence.ts';
import { LIFT_CHANNELS } from '../signals/lift.ts';
import { FEATURE, type FeatureName, SIGNAL, type SignalName } from '../signals/names.ts';
import { NEIGHBOUR_CHANNELS } from '../signals/neighbours.ts';
import { RECENCY_CHANNELS } from '../signals/recency.ts';

export interface Feature {
  name: FeatureName;
  signal: SignalName;
  /** `relative`: ln(1 + s / mean); `count`: ln(1 + s); `level`: s itself. */
  form: 'relative' | 'count' | 'level';
}

/** Columns of the feature table. Stored weights of the ranker are in this order. */
export const FEATURES: readonly Feature[] = [
  ...PAIR_CHANNELS.map((channel): Feature => ({ name: channel.name, signal: channel.signal, form: 'relative' })),
  { name: FEATURE.content, signal: SIGNAL.content, form: 'relative' },
  { name: FEATURE.popularity, signal: SIGNAL.popularity, form: 'count' },
  { name: FEATURE.popularityShort, signal: SIGNAL.popularity, form: 'relative' },
  { name: FEATURE.popularityLong, signal: SIGNAL.popularity, form: 'relative' },
  { name: FEATURE.newness, signal: SIGNAL.newness, form: 'level' },
  { name: FEATURE.dislike, signal: SIGNAL.dislike, form: 'level' },
  { name: FEATURE.dismissals, signal: SIGNAL.dislike, form: 'level' },
  ...LIFT_CHANNELS.map(({ name, signal }): Feature => ({ name, signal, form: 'relative' })),
  ...NEIGHBOUR_CHANNELS.map((name): Feature => ({ name, signal: SIGNAL.neighbours, form: 'relative' })),
  ...RECENCY_CHANNELS.map(
    (name): Feature => ({ name, signal: SIGNAL.popularity, form: name.startsWith('since') ? 'count' : 'relative' }),
  ),
  { name: FEATURE.whitened, signal: SIGNAL.whitened, form: 'relative' },
  { name: FEATURE.whitenedNew, signal: SIGNAL.whitened, form: 'level' },
  { name: FEATURE.towers, signal: SIGNAL.towers, form: 'relative' },
  { name: FEATURE.towersNew, signal: SIGNAL.towers, form: 'level' },
  { name: FEATURE.contentLast, signal: SIGNAL.content, form: 'relative' },
];
const FIRST_OWN = PAIR_CHANNELS.length;
const FIRST_LIFT = FIRST_OWN + 7;
const FIRST_NEIGHBOURS = FIRST_LIFT + LIFT_CHANNELS.length;
const FIRST_RECENCY = FIRST_NEIGHBOURS + NEIGHBOUR_CHANNELS.length;
const FIRST_MAPPED = FIRST_RECENCY + RECENCY_CHANNELS.length;
/** Columns of the features that aren't pair channels. */
export const COLUMN = {
  content: FIRST_OWN,
  popular: FIRST_OWN + 1,
  popularShort: FIRST_OWN + 2,
  popularLong: FIRST_OWN + 3,
  newness: FIRST_OWN + 4,
  disliked: FIRST_OWN + 5,
  dismissed: FIRST_OWN + 6,
  /** The first of the lift channels. */
  lift: FIRST_LIFT,
  /** The first of the neighbour channels. */
  neighbours: FIRST_NEIGHBOURS,
  /** The first of the recency channels. */
  recency: FIRST_RECENCY,
  /** Whitened similarity, then its part for an item with few events of its own. */
  whitened: FIRST_MAPPED,
  towers: FIRST_MAPPED + 2,
  /**
   * The column whose sums are the strength of a list's evidence (ranker/gates.ts): what followed the history's items.
   */
  strength: PAIR_CHANNELS.findIndex(({ name }) => name === FEATURE.afterLong),
  /** Similarity to the newest item alone. */
  contentLast: FIRST_MAPPED + 4,
} as const;

/**
 * Turns signal values (one row for each candidate) into features, in place. The order of rows must depend on ids alone.
 *
 * @param usual running means of values by column (ranker/means.ts); 0, or left out: the mean of this list
 * @returns means of this list's positive values by column, 0 for a column without any
 */
export function toFeatures(values: Float64Array, rows: number, usual?: Float64Array): Float64Array {
  const columns = FEATURES.length;
  const means = new Float64Array(columns);
  const counts = new Int32Array(columns);
  // Row by row, as the table lies in memory. Each column is still summed up in the order of rows.
  for (let at = 0, k = 0; at < rows * columns; at++) {
    const value = values[at]!;
    if (value > 0) {
      means[k] = means[k]! + value;
      counts[k] = counts[k]! + 1;
    }
    if (++k === columns) k = 0;
  }
  // Factor of a value before its logarithm; 0: the value itself is the feature.
  const scales = new Float64Array(columns);
  for (let k = 0; k < columns; k++) {
    const { form } = FEATURES[k]!;
    if (counts[k]! > 0) means[k] = means[k]! / counts[k]!;
    const mean = usual !== undefined && usual[k]! > 0 ? usual[k]! : means[k]!;
    scales[k] = form === 'level' ? 0 : form === 'count' || mean === 0 ? 1 : 1 / mean;
  }
  for (let at = 0, k = 0; at < rows * columns; at++) {
    const value = values[at]!;
    const scale = scales[k]!;
    if (value > 0 && scale !== 0) values[at] = ln(1 + value * scale);
    if (++k === columns) k = 0;
  }
  return means;
}

/** By column, the factor of features in the learned ranker: counts grow larger than logarithms over a mean. */
export const FEATURE_SCALES: Float64Array = Float64Array.from(FEATURES, ({ form }) => (form === 'count' ? 0.3 : 1));
