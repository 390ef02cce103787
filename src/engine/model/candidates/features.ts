/** Features of a candidate: the columns of the feature table, and how a signal's value becomes a feature. */
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

/** By column, the form as the kernel knows it. */
export const FORMS: Int32Array = Int32Array.from(FEATURES, ({ form }) => ['level', 'count', 'relative'].indexOf(form));

/** By column, the factor of features in the learned ranker: counts grow larger than logarithms over a mean. */
export const FEATURE_SCALES: Float64Array = Float64Array.from(FEATURES, ({ form }) => (form === 'count' ? 0.3 : 1));
