/** Ranks, and measures of them. The relevant items are few, so all measures follow from hits and their places. */
import type { Answer } from './recommenders/port.ts';

export const CUT = 10;

/** The items that a recommender ranks for a question. */
export type Ranked = (item: number) => boolean;

/**
 * Place of a target among the ranked items, from 1. Items with equal scores all have the mean of their places, so that a
 * method with equal scores gains nothing. Infinity: not found.
 */
export function rankOf(target: number, answer: Answer, items: number, ranked: Ranked): number {
  let better = 0;
  let same = 0;
  if (answer.kind === 'scores') {
    const { scores } = answer;
    const own = scores[target] as number;
    if (Number.isNaN(own)) return Number.POSITIVE_INFINITY;
    for (let item = 0; item < items; item++) {
      const score = scores[item] as number;
      if (score < own || !ranked(item)) continue;
      if (score > own) better++;
      else if (score === own) same++;
    }
    return better + (same + 1) / 2;
  }
  const at = answer.items.indexOf(target);
  if (at < 0) return Number.POSITIVE_INFINITY;
  const own = answer.scores[at] as number;
  for (const [place, item] of answer.items.entries()) {
    if (!ranked(item)) continue;
    const score = answer.scores[place] as number;
    if (score > own) better++;
    else if (score === own) same++;
  }
  return better + (same + 1) / 2;
}

/** Measures of one question, each from 0 to 1. */
export interface Outcome {
  /** Hits among the first ten, divided by the most possible hits: with one target 1 or 0. */
  hit: number;
  ndcg: number;
  /** One over the place of the first target. */
  mrr: number;
  /** 1 if the first item is a target, else 0. */
  first: number;
}

const gain = (rank: number): number => 1 / Math.log2(1 + rank);

/** Järvelin and Kekäläinen 2002 for NDCG; recall over min(targets, 10), with one target the hit rate. */
export function outcomeOf(ranks: readonly number[]): Outcome {
  let hits = 0;
  let dcg = 0;
  let best = Number.POSITIVE_INFINITY;
  for (const rank of ranks) {
    best = Math.min(best, rank);
    if (rank > CUT) continue;
    hits++;
    dcg += gain(rank);
  }
  const possible = Math.min(ranks.length, CUT);
  let ideal = 0;
  for (let place = 1; place <= possible; place++) ideal += gain(place);
  return { hit: hits / possible, ndcg: dcg / ideal, mrr: 1 / best, first: best === 1 ? 1 : 0 };
}

export interface Mean {
  mean: number;
  /** Standard error as if all questions were independent. */
  se: number;
  /** Standard error with each user's questions taken together. */
  seByUser: number;
}

/** @param users the user of each value */
export function meanOf(values: readonly number[], users: readonly number[]): Mean {
  const n = values.length;
  if (n === 0) return { mean: Number.NaN, se: Number.NaN, seByUser: Number.NaN };
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / n;
  let squares = 0;
  const byUser = new Map<number, number>();
  for (const [at, value] of values.entries()) {
    squares += (value - mean) ** 2;
    const user = users[at] as number;
    byUser.set(user, (byUser.get(user) ?? 0) + value - mean);
  }
  let clustered = 0;
  for (const total of byUser.values()) clustered += total ** 2;
  return { mean, se: Math.sqrt(squares / n / n), seByUser: Math.sqrt(clustered) / n };
}

export const METRICS = ['hit', 'ndcg', 'mrr'] as const;
export type Metric = (typeof METRICS)[number];
export type Summary = Record<Metric, Mean>;

export function summarize(outcomes: readonly Outcome[], users: readonly number[]): Summary {
  const of = (metric: Metric): Mean =>
    meanOf(
      outcomes.map((outcome) => outcome[metric]),
      users,
    );
  return { hit: of('hit'), ndcg: of('ndcg'), mrr: of('mrr') };
}

/** The difference between two recommenders on the same questions. */
export function pairedDifference(a: readonly Outcome[], b: readonly Outcome[], users: readonly number[]): Summary {
  const of = (metric: Metric): Mean =>
    meanOf(
      a.map((outcome, at) => outcome[metric] - (b[at] as Outcome)[metric]),
      users,
    );
  return { hit: of('hit'), ndcg: of('ndcg'), mrr: of('mrr') };
}
