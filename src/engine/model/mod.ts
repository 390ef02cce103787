/** The engine's model: pure, deterministic, knows nothing of NATS, SQLite, networks of neurons or the time of day. */
export type { SignalName } from './blend.ts';
export { completeConfig, MODEL_DEFAULTS, type ModelConfig, type PartialModelConfig } from './config.ts';
export { type Cell, CONTENTS, type Contents, contentsOf, type ModelTable, touching } from './contents.ts';
export { featureHash } from './features.ts';
export {
  type ContentMap,
  decodeMap,
  encodeMap,
  type InputKind,
  type InputQuality,
  InputUnreadableError,
  MappedItems,
  type TrainingData,
} from './inputs.ts';
export { rankerIn } from './learned.ts';
export { exp } from './math.ts';
export { createModel } from './model.ts';
export type { Observer, ScoredEvent } from './observer.ts';
export {
  CONTENDERS,
  type Contender,
  type PrequentialReport,
  type PrequentialWindow,
  type Quality,
} from './prequential.ts';
export { RANKER_DEFAULTS, type RankerConfig } from './ranker/config.ts';
export { decodeState, ModelStateUnreadableError } from './state.ts';
export { MAX_WEIGHT, STATISTICS_DEFAULTS, Statistics } from './statistics.ts';
export type {
  Examined,
  HeldOfUser,
  InputInForce,
  Interaction,
  ItemTest,
  ListSource,
  Model,
  ModelSizes,
  Reaction,
  Reason,
  Recommended,
  RecommendedList,
  RecommendRequest,
  ServedList,
  Standing,
  Traits,
  WarningName,
} from './types.ts';
export { MODEL_CODE } from './version.ts';
export { WEIGHT_DEFAULTS, type Weighed, type WeightsConfig, weigh } from './weights.ts';
