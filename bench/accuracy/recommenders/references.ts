import type { DataSet } from '../data/data-set.ts';
import { createDirected } from './directed.ts';
import { createItemKnn } from './item-knn.ts';
import { createDecayedPopularity, createPopularity } from './popularity.ts';
import type { Recommender } from './port.ts';

/** The best of those tried (3 to 120 days, 0.5 to 0.98) on MovieLens 100K between 70 and 85 % of its stream; for all data. */
const HALF_LIFE_DAYS = 30;
const FADE = 0.75;

/** Those that know what is popular and nothing of the user: what a run with shuffled targets must fall to. */
export const LEVEL = ['popularity', 'decayed popularity'] as const;
/** What paired differences are against. */
export const OPPONENT = 'item kNN';

/** What stands beside the engine in every run on histories. */
export const references = ({ items: { length } }: DataSet): Recommender[] => [
  createPopularity(length),
  createDecayedPopularity(length, HALF_LIFE_DAYS),
  createItemKnn(length, { name: OPPONENT, fade: 1 }),
  createItemKnn(length, { name: 'item kNN, recency', fade: FADE }),
  createDirected(length),
];
