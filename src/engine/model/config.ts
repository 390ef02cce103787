/** Every constant of the model, by name. */

import { RANKING_DEFAULTS, type RankingConfig } from './candidates/config.ts';
import { MAPPED_DEFAULTS, type MappedConfig } from './inputs/recorded-inputs.ts';
import { PREQUENTIAL_DEFAULTS, type PrequentialConfig } from './learn/prequential.ts';
import { TRAINING_DEFAULTS, type TrainingConfig } from './learn/training-data.ts';
import { RANKER_DEFAULTS, type RankerConfig } from './ranker/config.ts';
import { IMPRESSIONS_DEFAULTS, type ImpressionsConfig } from './state/impressions.ts';
import { POPULARITY_DEFAULTS, type PopularityConfig } from './state/popularity.ts';
import { STATISTICS_DEFAULTS, type StatisticsConfig } from './state/statistics.ts';
import { CONTENT_DEFAULTS, type ContentConfig } from './state/terms.ts';

/**
 * `statistics`, `content` and `ranker` belong to the fold: another value changes what is stored, so it needs a rebuild.
 * So do the others as far as the ranker learns from the lists that they make.
 */
export interface ModelConfig {
  statistics: StatisticsConfig;
  content: ContentConfig;
  popularity: PopularityConfig;
  ranking: RankingConfig;
  ranker: RankerConfig;
  impressions: ImpressionsConfig;
  prequential: PrequentialConfig;
  /** Signals of recorded inputs. */
  mapped: MappedConfig;
  /** What a training reads. */
  training: TrainingConfig;
  /** Newest events of a history that a list is computed from. */
  readBack: number;
  /** Whether an item that the user rated low brings what is like it. */
  followLow: boolean;
}

export const MODEL_DEFAULTS: ModelConfig = {
  statistics: STATISTICS_DEFAULTS,
  content: CONTENT_DEFAULTS,
  popularity: POPULARITY_DEFAULTS,
  ranking: RANKING_DEFAULTS,
  ranker: RANKER_DEFAULTS,
  impressions: IMPRESSIONS_DEFAULTS,
  prequential: PREQUENTIAL_DEFAULTS,
  mapped: MAPPED_DEFAULTS,
  training: TRAINING_DEFAULTS,
  readBack: 30,
  followLow: true,
};

/** A configuration whose missing values are the defaults. */
export type PartialModelConfig = {
  [K in keyof ModelConfig]?: ModelConfig[K] extends object ? Partial<ModelConfig[K]> : ModelConfig[K];
};

const HOUR_MS = 3_600_000;

/** The whole configuration; a value out of range becomes the nearest possible one. */
export function completeConfig(config: PartialModelConfig = {}): ModelConfig {
  const statistics = { ...STATISTICS_DEFAULTS, ...config.statistics };
  return {
    statistics: {
      ...statistics,
      coOccurrenceReach: Math.max(statistics.coOccurrenceReach, statistics.transitionReach),
      bucketMs: Math.max(statistics.bucketMs, HOUR_MS),
    },
    content: { ...CONTENT_DEFAULTS, ...config.content },
    popularity: { ...POPULARITY_DEFAULTS, ...config.popularity },
    ranking: { ...RANKING_DEFAULTS, ...config.ranking },
    ranker: { ...RANKER_DEFAULTS, ...config.ranker },
    impressions: { ...IMPRESSIONS_DEFAULTS, ...config.impressions },
    prequential: { ...PREQUENTIAL_DEFAULTS, ...config.prequential },
    mapped: { ...MAPPED_DEFAULTS, ...config.mapped },
    training: { ...TRAINING_DEFAULTS, ...config.training },
    readBack: config.readBack ?? MODEL_DEFAULTS.readBack,
    followLow: config.followLow ?? MODEL_DEFAULTS.followLow,
  };
}
