/**
 * The hand-set blend: `score = sum over features of weight * x`. Sums of evidence s enter as `ln(1 + s / c)` with c what
 * such a sum usually is where it is positive (ranker/means.ts), or its mean among the candidates where nothing was
 * learned. A sum of terms, so the explanation is the score itself.
 */
import { ln } from '../primitives/math.ts';
import { EVIDENCE_CHANNELS } from '../signals/lift.ts';
import { NEIGHBOUR_CHANNELS } from '../signals/neighbours.ts';
import { PAIR_CHANNELS } from '../signals/pair-sums.ts';
import { RECENCY_CHANNELS } from '../signals/recency.ts';

export type SignalName =
  | 'directed'
  | 'together'
  | 'neighbours'
  | 'evidence'
  | 'content'
  | 'whitened'
  | 'towers'
  | 'popular'
  | 'new'
  | 'disliked';

export interface Feature {
  name: string;
  signal: SignalName;
  /** `evidence`: ln(1 + s / mean); `count`: ln(1 + s); `level`: s itself. */
  form: 'evidence' | 'count' | 'level';
}

/** Columns of the feature table: the pair channels first, then what follows here. */
export const FEATURES: readonly Feature[] = [
  ...PAIR_CHANNELS.map((channel): Feature => ({ name: channel.name, signal: channel.signal, form: 'evidence' })),
  { name: 'content', signal: 'content', form: 'evidence' },
  { name: 'popular', signal: 'popular', form: 'count' },
  { name: 'popular-short', signal: 'popular', form: 'evidence' },
  { name: 'popular-long', signal: 'popular', form: 'evidence' },
  { name: 'new', signal: 'new', form: 'level' },
  { name: 'disliked', signal: 'disliked', form: 'level' },
  { name: 'dismissed', signal: 'disliked', form: 'level' },
  ...EVIDENCE_CHANNELS.map(({ name, signal }): Feature => ({ name, signal, form: 'evidence' })),
  ...NEIGHBOUR_CHANNELS.map((name): Feature => ({ name, signal: 'neighbours', form: 'evidence' })),
  ...RECENCY_CHANNELS.map(
    (name): Feature => ({ name, signal: 'popular', form: name.startsWith('since') ? 'count' : 'evidence' }),
  ),
  { name: 'whitened', signal: 'whitened', form: 'evidence' },
  { name: 'whitened-new', signal: 'whitened', form: 'level' },
  { name: 'towers', signal: 'towers', form: 'evidence' },
  { name: 'towers-new', signal: 'towers', form: 'level' },
  { name: 'content-last', signal: 'content', form: 'evidence' },
];
const FIRST_OWN = PAIR_CHANNELS.length;
const FIRST_EVIDENCE = FIRST_OWN + 7;
const FIRST_NEIGHBOURS = FIRST_EVIDENCE + EVIDENCE_CHANNELS.length;
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
  /** The first of as many as there are ways of looking at evidence. */
  evidence: FIRST_EVIDENCE,
  /** The first of as many as there are ways of counting votes. */
  neighbours: FIRST_NEIGHBOURS,
  /** The first of as many as there are ways of telling how lately it was taken. */
  recency: FIRST_RECENCY,
  /** Whitened likeness, and what of it is left for an item with few events of its own. */
  whitened: FIRST_MAPPED,
  towers: FIRST_MAPPED + 2,
  /** Whose sums say how strong a list's evidence is (ranker/gates.ts): what followed the history's items. */
  strength: PAIR_CHANNELS.findIndex(({ name }) => name === 'after-long'),
  /** Likeness to the newest item alone. */
  contentLast: FIRST_MAPPED + 4,
} as const;

/** Weights by feature name; a name that is missing weighs 0. */
export type BlendWeights = Readonly<Record<string, number>>;

/**
 * For readers with a long history; both sets are rounded from one fit, softmax over the candidates, on the stretch from
 * 70 to 85 % of MovieLens 100K in time order and on the last but one item of Amazon Beauty's sequences, weights of
 * positive evidence held at 0 or above. Popularity in all weighs below zero because the sums over a history hold it.
 */
export const LONG_DEFAULTS: BlendWeights = {
  'after-short': 0.05,
  'after-long': 0.45,
  'before-short': 0.55,
  'together-recent': 0.5,
  'together-all': 1.2,
  evidence: 2.1,
  'neighbours-close': 0.2,
  content: 1,
  popular: -0.35,
  'popular-short': 0.15,
  'popular-long': 0.75,
  'whitened-new': 2,
  new: 0.3,
  disliked: -0.9,
  dismissed: -0.9,
};

/** For readers with a few events: what followed them says more than what goes together with them, which is thin. */
export const SHORT_DEFAULTS: BlendWeights = {
  'after-short': 1,
  'before-short': 0.1,
  'before-long': 0.45,
  'together-all': 0.5,
  evidence: 0.6,
  neighbours: 0.2,
  'neighbours-close': 0.05,
  'neighbours-next': 0.3,
  content: 1.6,
  popular: 0.1,
  'popular-short': 0.4,
  'whitened-new': 2,
  new: 0.3,
  disliked: -0.9,
  dismissed: -0.9,
};

/** Events from which, and up to which, a history turns from short to long; between them by its logarithm. */
const SHORT_EVENTS = 5;
const LONG_EVENTS = 50;

/** Weights for a history of this many events, into `into`. */
export function mixByLength(short: Float64Array, long: Float64Array, events: number, into: Float64Array): Float64Array {
  const place = ln(Math.max(events, 1) / SHORT_EVENTS) / ln(LONG_EVENTS / SHORT_EVENTS);
  const share = Math.min(1, Math.max(0, place));
  for (let k = 0; k < into.length; k++) into[k] = short[k]! * (1 - share) + long[k]! * share;
  return into;
}

/** For readers without one: what is popular lately, among what their traits ask for. */
export const COLD_DEFAULTS: BlendWeights = {
  content: 2,
  popular: 0.05,
  'popular-short': 0.4,
  'popular-long': 1,
  new: 0.3,
  disliked: -0.5,
  dismissed: -0.5,
};

/** For items that go with an item. */
export const SIMILAR_DEFAULTS: BlendWeights = {
  'after-short': 0.4,
  'before-short': 0.2,
  'together-all': 1,
  content: 0.6,
};

/**
 * Turns raw signal values (row per candidate) into features in place. Rows must come in an order of their own.
 *
 * @param usual what values of a column usually are (ranker/means.ts); 0, or left out: the mean of those in this list
 * @returns means of the positive values of this list by column, 0 where there are none
 */
export function toFeatures(values: Float64Array, rows: number, usual?: Float64Array): Float64Array {
  const columns = FEATURES.length;
  const means = new Float64Array(columns);
  const counts = new Int32Array(columns);
  // Row by row, as the table lies in memory; each column's sum is in the order of rows all the same.
  for (let at = 0, k = 0; at < rows * columns; at++) {
    const value = values[at]!;
    if (value > 0) {
      means[k] = means[k]! + value;
      counts[k] = counts[k]! + 1;
    }
    if (++k === columns) k = 0;
  }
  // What a value is multiplied by before its logarithm is taken; 0: it is taken as it is.
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

/** By column, what the learned ranker multiplies features by: counts grow larger than logarithms over a mean. */
export const FEATURE_SCALES: Float64Array = Float64Array.from(FEATURES, ({ form }) => (form === 'count' ? 0.3 : 1));

/** Weights by column. */
export function weightColumns(weights: BlendWeights): Float64Array {
  return Float64Array.from(FEATURES, (feature) => weights[feature.name] ?? 0);
}
