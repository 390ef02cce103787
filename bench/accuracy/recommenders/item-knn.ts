import { createHistories } from './histories.ts';
import { createPairCounts } from './pair-counts.ts';
import type { Recommender } from './port.ts';

/**
 * Item kNN: an item's score is the sum of its cosines with the history's items (Sarwar et al. 2001, "Item-based
 * collaborative filtering recommendation algorithms"; all items are neighbours). Each event updates the counts.
 *
 * @param fade factor on the weight of an item of the history for each newer event; 1: all items weigh the same
 */
export function createItemKnn(items: number, { name, fade }: { name: string; fade: number }): Recommender {
  const pairs = createPairCounts(items);
  const totals = new Float64Array(items);
  const histories = createHistories();
  const scores = new Float64Array(items);
  return {
    name,
    learn: (entries) => {
      for (const { interaction } of entries) {
        if (!interaction) continue;
        const { item } = interaction;
        totals[item] = (totals[item] as number) + 1;
        for (const other of histories.add(interaction)) {
          if (other === item) continue;
          pairs.add(item, other, 1);
          pairs.add(other, item, 1);
        }
      }
    },
    rank: (question) => {
      scores.fill(0);
      const history = histories.of(question);
      for (let place = history.length - 1, weight = 1; place >= 0 && weight > 1e-6; place--, weight *= fade) {
        const own = history[place] as number;
        const scale = weight / Math.sqrt(Math.max(totals[own] as number, 1));
        pairs.each(own, (to, amount) => {
          scores[to] = (scores[to] as number) + scale * amount;
        });
      }
      for (let item = 0; item < items; item++)
        scores[item] = (scores[item] as number) / Math.sqrt(Math.max(totals[item] as number, 1));
      return { kind: 'scores', scores };
    },
    learned: () => histories.count(),
  };
}
