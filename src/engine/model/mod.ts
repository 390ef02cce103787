/**
 * The engine's model: pure and deterministic, without NATS, SQLite, neural-network libraries or the time of day.
 *
 * Imports between its folders go one way: primitives < state, inputs, ranker < signals < candidates < answer, learn <
 * fold < serialization < the files beside this one. Other code imports from this file alone.
 */

export type { PersonalData } from './answer/lookup.ts';
export type {
  Examined,
  ItemStatus,
  ItemTest,
  ListSource,
  Reason,
  Recommended,
  RecommendedList,
  RecommendRequest,
} from './answer/types.ts';
export type { Interaction, Reaction, ServedList } from './apply/events.ts';
export type { RawExample } from './candidates/types.ts';
export { completeConfig, MODEL_DEFAULTS, type ModelConfig, type PartialModelConfig } from './config.ts';
export { type ContentMap, decodeMap, encodeMap } from './inputs/content-map.ts';
export { featureHash } from './inputs/features.ts';
export { type InputKind, type InputQuality, InputUnreadableError } from './inputs/kinds.ts';
export { MappedItems } from './inputs/mapped-items.ts';
export type { InputInForce, InputsInForce } from './inputs/recorded-inputs.ts';
export type { ExampleMaker, ExampleSource, LearningPace } from './learn/examples.ts';
export {
  CONTENDERS,
  type Contender,
  type PrequentialReport,
  type PrequentialWindow,
  type Quality,
} from './learn/prequential.ts';
export type { Observer, ScoredEvent } from './learn/scored-event.ts';
export type { TrainingData } from './learn/training-data.ts';
export { createModel } from './model.ts';
export { exp, ln } from './primitives/math.ts';
export { finish, type Steps } from './primitives/steps.ts';
export { RANKER_DEFAULTS, type RankerConfig } from './ranker/config.ts';
export { type Cell, CONTENTS, type Contents, contentsOf, type ModelTable, touching } from './serialization/contents.ts';
export { rankerIn } from './serialization/ranker-section.ts';
export { decodeState, ModelStateUnreadableError } from './serialization/state-bytes.ts';
export { SIGNAL, type SignalName } from './signals/names.ts';
export { MAX_WEIGHT, STATISTICS_DEFAULTS, Statistics } from './state/statistics.ts';
export type { Traits } from './state/traits.ts';
export type { WarningName } from './state/warnings.ts';
export { WEIGHT_DEFAULTS, type Weighed, type WeightsConfig, weigh } from './state/weights.ts';
export type { Model, ModelSizes } from './types.ts';
export { MODEL_CODE } from './version.ts';
