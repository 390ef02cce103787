/**
 * Compares two models on the same events: the place at which each ranked the item just before it learned from the event.
 * An item below the ten best counts 0. Differences are taken event by event, and users are the sample (decision 0022).
 */
import type { Quality } from '../../model/mod.ts';

export const METRICS = ['hr', 'ndcg', 'mrr'] as const;
export type Metric = (typeof METRICS)[number];

/** Mean difference, shadow minus model in force, and the standard error of this mean. */
export interface PairedDifference {
  mean: number;
  /** Null for fewer than two users. */
  standard_error: number | null;
}

export interface ComparisonReport {
  /** Number of compared events, which both models ranked, their users, and their first and last position. */
  events: number;
  users: number;
  from_seq: number | null;
  to_seq: number | null;
  in_force: Quality;
  shadow: Quality;
  difference: Record<Metric, PairedDifference>;
}

export interface Placed {
  seq: number;
  /** Number of the user, the same in both. */
  user: number;
  /** Place from 1, ties at their mean; 0: not among the candidates. */
  rank: number;
}

export interface Comparison {
  inForce(event: Placed): void;
  shadow(event: Placed): void;
  report(): ComparisonReport;
  /** Events that only one of the two models could rank. */
  unpaired(): number;
}

const CUT = 10;
/** Events that may wait for the other model, far more than a batch has. */
const WAITING = 10_000;

interface Pair {
  seq: number;
  user: number;
  inForce: number;
  shadow: number;
}

/** HR, NDCG and MRR at 10 of one place. */
export function qualityAt(rank: number): Quality {
  if (!(rank >= 1 && rank <= CUT)) return { hr: 0, ndcg: 0, mrr: 0 };
  return { hr: 1, ndcg: Math.LN2 / Math.log(1 + rank), mrr: 1 / rank };
}

/** @param window number of newest pairs in the comparison */
export function createComparison(window: number): Comparison {
  const pairs: Pair[] = [];
  let at = 0;
  let alone = 0;
  // Both models report an event within one batch, one after the other.
  let waiting = new Map<number, { of: 'inForce' | 'shadow'; event: Placed }>();

  function take(of: 'inForce' | 'shadow', event: Placed): void {
    const other = waiting.get(event.seq);
    if (other === undefined || other.of === of) {
      waiting.set(event.seq, { of, event });
      if (waiting.size > WAITING) {
        alone += waiting.size;
        waiting = new Map();
      }
      return;
    }
    waiting.delete(event.seq);
    const [inForce, shadow] = of === 'shadow' ? [other.event.rank, event.rank] : [event.rank, other.event.rank];
    const pair = { seq: event.seq, user: event.user, inForce, shadow };
    if (pairs.length < window) pairs.push(pair);
    else pairs[at] = pair;
    at = (at + 1) % window;
  }

  return {
    inForce: (event) => take('inForce', event),
    shadow: (event) => take('shadow', event),
    unpaired: () => alone + waiting.size,
    report: () => reportOf(pairs),
  };
}

function reportOf(pairs: readonly Pair[]): ComparisonReport {
  const n = Math.max(pairs.length, 1);
  const sums = { inForce: { hr: 0, ndcg: 0, mrr: 0 }, shadow: { hr: 0, ndcg: 0, mrr: 0 } };
  const byUser = new Map<number, { events: number; hr: number; ndcg: number; mrr: number }>();
  let [from, to] = [Number.POSITIVE_INFINITY, 0];
  for (const { seq, user, inForce, shadow } of pairs) {
    from = Math.min(from, seq);
    to = Math.max(to, seq);
    const [a, b] = [qualityAt(inForce), qualityAt(shadow)];
    const own = byUser.get(user) ?? { events: 0, hr: 0, ndcg: 0, mrr: 0 };
    own.events++;
    for (const metric of METRICS) {
      sums.inForce[metric] += a[metric];
      sums.shadow[metric] += b[metric];
      own[metric] += b[metric] - a[metric];
    }
    byUser.set(user, own);
  }
  const mean = ({ hr, ndcg, mrr }: Quality): Quality => ({ hr: hr / n, ndcg: ndcg / n, mrr: mrr / n });
  const [inForce, shadow] = [mean(sums.inForce), mean(sums.shadow)];
  const difference = {} as Record<Metric, PairedDifference>;
  for (const metric of METRICS) {
    const all = shadow[metric] - inForce[metric];
    let squares = 0;
    for (const own of byUser.values()) {
      const away = own[metric] - own.events * all;
      squares += away * away;
    }
    const clusters = byUser.size;
    difference[metric] = {
      mean: all,
      // Liang and Zeger 1986, with the usual correction for few clusters.
      standard_error: clusters < 2 ? null : Math.sqrt((squares * clusters) / (clusters - 1)) / n,
    };
  }
  return {
    events: pairs.length,
    users: byUser.size,
    from_seq: pairs.length === 0 ? null : from,
    to_seq: pairs.length === 0 ? null : to,
    in_force: inForce,
    shadow,
    difference,
  };
}
