import type { Recommender } from './port.ts';

/** Number of events of each item. */
export function createPopularity(items: number): Recommender {
  const scores = new Float64Array(items);
  let learned = 0;
  return {
    name: 'popularity',
    learn: (entries) => {
      for (const { interaction } of entries) {
        if (!interaction) continue;
        scores[interaction.item] = (scores[interaction.item] as number) + 1;
        learned++;
      }
    },
    rank: () => ({ kind: 'scores', scores }),
    learned: () => learned,
  };
}

const DAY_MS = 86_400_000;
/** Doublings of the unit after which the class scales all scores down, far from the limit of Float64. */
const RESCALE = 400;

/** Number of events of each item, each counting half as much for every `halfLifeDays` that it is older. */
export function createDecayedPopularity(items: number, halfLifeDays: number): Recommender {
  const scores = new Float64Array(items);
  let origin = Number.NaN;
  let learned = 0;
  return {
    name: 'decayed popularity',
    learn: (entries) => {
      for (const { interaction } of entries) {
        if (!interaction) continue;
        if (Number.isNaN(origin)) origin = interaction.time;
        let doublings = (interaction.time - origin) / (halfLifeDays * DAY_MS);
        if (doublings > RESCALE) {
          for (let item = 0; item < items; item++) scores[item] = (scores[item] as number) * 2 ** -doublings;
          origin = interaction.time;
          doublings = 0;
        }
        scores[interaction.item] = (scores[interaction.item] as number) + 2 ** doublings;
        learned++;
      }
    },
    rank: () => ({ kind: 'scores', scores }),
    learned: () => learned,
  };
}
