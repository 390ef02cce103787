import { createHistories } from './histories.ts';
import { createPairCounts } from './pair-counts.ts';
import type { Recommender } from './port.ts';

/** Number of earlier events that count. */
const BACK = 20;
/** Factor on the weight for each event further back. */
const DECAY = 0.8;
/** Power of an item's total that divides its score. */
const DAMPING = 0.3;

/** Counts which item followed which, near ones more: a Markov chain with skips. */
export function createDirected(items: number): Recommender {
  const pairs = createPairCounts(items);
  const totals = new Float64Array(items);
  const histories = createHistories();
  const scores = new Float64Array(items);
  return {
    name: 'directed counts',
    learn: (entries) => {
      for (const { interaction } of entries) {
        if (!interaction) continue;
        const { item } = interaction;
        totals[item] = (totals[item] as number) + 1;
        const before = histories.add(interaction);
        for (let back = 0; back < BACK && back < before.length; back++) {
          const other = before[before.length - 1 - back] as number;
          if (other !== item) pairs.add(other, item, DECAY ** back);
        }
      }
    },
    rank: (question) => {
      scores.fill(0);
      const history = histories.of(question);
      for (let back = 0; back < BACK && back < history.length; back++) {
        const own = history[history.length - 1 - back] as number;
        const scale = DECAY ** back * Math.max(totals[own] as number, 1) ** -DAMPING;
        pairs.each(own, (to, amount) => {
          scores[to] = (scores[to] as number) + scale * amount;
        });
      }
      for (let item = 0; item < items; item++)
        scores[item] = (scores[item] as number) * Math.max(totals[item] as number, 1) ** -DAMPING;
      return { kind: 'scores', scores };
    },
    learned: () => histories.count(),
  };
}
