/**
 * The hand-set blend: `score = sum over features of weight * x`. A sum of evidence s enters as `ln(1 + s / c)`. Here c
 * is the running mean of such sums where they are positive (ranker/means.ts), or the mean among the candidates if
 * nothing was learned. The score is a sum of terms, so its explanation is exact.
 */
import { ln } from '../primitives/math.ts';
import { FEATURE, type FeatureName } from '../signals/names.ts';
import { FEATURES } from './features.ts';

/** Weights by feature name; a missing name weighs 0. */
export type BlendWeights = Readonly<Partial<Record<FeatureName, number>>>;

/**
 * Weights for users with a long history. Both sets are rounded from one fit of a softmax over the candidates, on the
 * stretch from 70 to 85 % of MovieLens 100K in time order and on the last but one item of Amazon Beauty's sequences.
 * The fit held weights of positive evidence at 0 or above. Total popularity weighs below zero because the sums over a
 * history contain it.
 */
export const LONG_DEFAULTS: BlendWeights = {
  [FEATURE.afterShort]: 0.05,
  [FEATURE.afterLong]: 0.45,
  [FEATURE.beforeShort]: 0.55,
  [FEATURE.coOccurrenceRecent]: 0.5,
  [FEATURE.coOccurrenceAll]: 1.2,
  [FEATURE.lift]: 2.1,
  [FEATURE.neighboursClose]: 0.2,
  [FEATURE.content]: 1,
  [FEATURE.popularity]: -0.35,
  [FEATURE.popularityShort]: 0.15,
  [FEATURE.popularityLong]: 0.75,
  [FEATURE.whitenedNew]: 2,
  [FEATURE.newness]: 0.3,
  [FEATURE.dislike]: -0.9,
  [FEATURE.dismissals]: -0.9,
};

/** Weights for users with a few events: for them transitions say more than co-occurrences, which are few. */
export const SHORT_DEFAULTS: BlendWeights = {
  [FEATURE.afterShort]: 1,
  [FEATURE.beforeShort]: 0.1,
  [FEATURE.beforeLong]: 0.45,
  [FEATURE.coOccurrenceAll]: 0.5,
  [FEATURE.lift]: 0.6,
  [FEATURE.neighbours]: 0.2,
  [FEATURE.neighboursClose]: 0.05,
  [FEATURE.neighboursNext]: 0.3,
  [FEATURE.content]: 1.6,
  [FEATURE.popularity]: 0.1,
  [FEATURE.popularityShort]: 0.4,
  [FEATURE.whitenedNew]: 2,
  [FEATURE.newness]: 0.3,
  [FEATURE.dislike]: -0.9,
  [FEATURE.dismissals]: -0.9,
};

/** Lengths at which a history is short and long; between them the logarithm of its length mixes the two sets. */
const SHORT_EVENTS = 5;
const LONG_EVENTS = 50;

/** Writes the weights for a history of this many events into `into`. */
export function mixByLength(
  short: Float64Array,
  long: Float64Array,
  historyLength: number,
  into: Float64Array,
): Float64Array {
  const place = ln(Math.max(historyLength, 1) / SHORT_EVENTS) / ln(LONG_EVENTS / SHORT_EVENTS);
  const share = Math.min(1, Math.max(0, place));
  for (let k = 0; k < into.length; k++) into[k] = short[k]! * (1 - share) + long[k]! * share;
  return into;
}

/** Weights for users without a history: recent popularity, and similarity to their traits. */
export const COLD_DEFAULTS: BlendWeights = {
  [FEATURE.content]: 2,
  [FEATURE.popularity]: 0.05,
  [FEATURE.popularityShort]: 0.4,
  [FEATURE.popularityLong]: 1,
  [FEATURE.newness]: 0.3,
  [FEATURE.dislike]: -0.5,
  [FEATURE.dismissals]: -0.5,
};

/** Weights for items that are similar to an item. Whitened similarity stands for content where an item is new. */
export const SIMILAR_DEFAULTS: BlendWeights = {
  [FEATURE.afterShort]: 0.4,
  [FEATURE.beforeShort]: 0.2,
  [FEATURE.coOccurrenceAll]: 1,
  [FEATURE.content]: 0.6,
  [FEATURE.whitenedNew]: 0.6,
};

/** Weights by column. */
export function weightColumns(weights: BlendWeights): Float64Array {
  return Float64Array.from(FEATURES, (feature) => weights[feature.name] ?? 0);
}
