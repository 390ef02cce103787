import type { DataSet } from '../data/data-set.ts';
import { createDirected } from './directed.ts';
import { createItemKnn } from './item-knn.ts';
import { createDecayedPopularity, createPopularity } from './popularity.ts';
import type { Recommender } from './port.ts';

/** The best values of those tried (3 to 120 days, 0.5 to 0.98) on 70 to 85 % of the stream of MovieLens 100K; used for all data. */
const HALF_LIFE_DAYS = 30;
const FADE = 0.75;

/** References that know popularity and not the user: a run with shuffled targets must fall to their level. */
export const LEVEL = ['popularity', 'decayed popularity'] as const;
/** The opponent of the paired differences. */
export const OPPONENT = 'item kNN';

/** References beside the engine in every run on histories. */
export const references = ({ items: { length } }: DataSet): Recommender[] => [
  createPopularity(length),
  createDecayedPopularity(length, HALF_LIFE_DAYS),
  createItemKnn(length, { name: OPPONENT, fade: 1 }),
  createItemKnn(length, { name: 'item kNN, recency', fade: FADE }),
  createDirected(length),
];
