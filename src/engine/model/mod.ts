/** The engine's model: pure, deterministic, knows nothing of NATS, SQLite, networks of neurons or the time of day. */
export type { SignalName } from './candidates/blend.ts';
export { completeConfig, MODEL_DEFAULTS, type ModelConfig, type PartialModelConfig } from './config.ts';
export { featureHash } from './inputs/features.ts';
export {
  type ContentMap,
  decodeMap,
  encodeMap,
  type InputKind,
  type InputQuality,
  InputUnreadableError,
  MappedItems,
  type TrainingData,
} from './inputs/inputs.ts';
export {
  CONTENDERS,
  type Contender,
  type PrequentialReport,
  type PrequentialWindow,
  type Quality,
} from './learn/prequential.ts';
export type { Observer, ScoredEvent } from './learn/scored-event.ts';
export { createModel } from './model.ts';
export { exp } from './primitives/math.ts';
export { RANKER_DEFAULTS, type RankerConfig } from './ranker/config.ts';
export { type Cell, CONTENTS, type Contents, contentsOf, type ModelTable, touching } from './serialization/contents.ts';
export { rankerIn } from './serialization/ranker-section.ts';
export { decodeState, ModelStateUnreadableError } from './serialization/state-bytes.ts';
export { MAX_WEIGHT, STATISTICS_DEFAULTS, Statistics } from './state/statistics.ts';
export { WEIGHT_DEFAULTS, type Weighed, type WeightsConfig, weigh } from './state/weights.ts';
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
