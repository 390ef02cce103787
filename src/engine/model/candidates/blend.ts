/**
 * The hand-set blend: `score = sum over features of weight * x`. Sums of evidence s enter as `ln(1 + s / c)` with c what
 * such a sum usually is where it is positive (ranker/means.ts), or its mean among the candidates where nothing was
 * learned. A sum of terms, so the explanation is the score itself.
 */
import { ln } from '../primitives/math.ts';
import { FEATURE, type FeatureName } from '../signals/names.ts';
import { FEATURES } from './features.ts';

/** Weights by feature name; a name that is missing weighs 0. */
export type BlendWeights = Readonly<Partial<Record<FeatureName, number>>>;

/**
 * For readers with a long history; both sets are rounded from one fit, softmax over the candidates, on the stretch from
 * 70 to 85 % of MovieLens 100K in time order and on the last but one item of Amazon Beauty's sequences, weights of
 * positive evidence held at 0 or above. Popularity in all weighs below zero because the sums over a history hold it.
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

/** For readers with a few events: what followed them says more than what goes together with them, which is thin. */
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
  [FEATURE.content]: 2,
  [FEATURE.popularity]: 0.05,
  [FEATURE.popularityShort]: 0.4,
  [FEATURE.popularityLong]: 1,
  [FEATURE.newness]: 0.3,
  [FEATURE.dislike]: -0.5,
  [FEATURE.dismissals]: -0.5,
};

/** For items that go with an item. */
export const SIMILAR_DEFAULTS: BlendWeights = {
  [FEATURE.afterShort]: 0.4,
  [FEATURE.beforeShort]: 0.2,
  [FEATURE.coOccurrenceAll]: 1,
  [FEATURE.content]: 0.6,
};

/** Weights by column. */
export function weightColumns(weights: BlendWeights): Float64Array {
  return Float64Array.from(FEATURES, (feature) => weights[feature.name] ?? 0);
}
