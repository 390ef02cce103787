/** References beside the engine for items without a history. */
import { createRandom } from '../../../src/demo/random.ts';
import type { DataSet } from '../data/data-set.ts';
import { featuresOf } from './features.ts';
import { createHistories } from './histories.ts';
import type { Recommender } from './port.ts';
import { createRidge } from './ridge.ts';

export const COLD_OPPONENT = 'ridge per user';
/** The best of 1 to 300 on two held-out tenths of MovieLens 1M (seeds 101 and 102), which no default run measures. */
const LAMBDA = 30;

export const coldReferences = (data: DataSet, seed: number): Recommender[] => [
  createChance(data, seed),
  createProfile(data),
  createRidge(data, LAMBDA),
];

function createChance({ items: { length } }: DataSet, seed: number): Recommender {
  const random = createRandom(seed + 1_000);
  let learned = 0;
  return {
    name: 'random',
    learn: (entries) => {
      for (const { interaction } of entries) if (interaction) learned++;
    },
    rank: () => ({ kind: 'scores', scores: Float64Array.from({ length }, () => random.next()) }),
    learned: () => learned,
  };
}

/** Cosine of the tags of an item with the tags of all items that the user took. */
function createProfile({ fields }: DataSet): Recommender {
  const { rows, count } = featuresOf(fields, 'tags');
  const histories = createHistories();
  return {
    name: 'profile of tags',
    learn: (entries) => {
      for (const { interaction } of entries) if (interaction) histories.add(interaction);
    },
    rank: (question) => {
      const profile = new Float64Array(count);
      for (const item of histories.of(question))
        for (const tag of rows[item] as number[]) profile[tag] = (profile[tag] as number) + 1;
      const scores = Float64Array.from(rows, (own) => {
        let sum = 0;
        for (const tag of own) sum += profile[tag] as number;
        return sum / Math.sqrt(Math.max(own.length, 1));
      });
      return { kind: 'scores', scores };
    },
    learned: () => histories.count(),
  };
}
