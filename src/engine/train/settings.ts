/** Settings of training. */
import type { Config } from '../../config/schema.ts';
import type { InputKind } from '../model/mod.ts';
import type { TrainingSchedule } from './schedule.ts';
import type { TrainerOptions } from './trainer.ts';

/** Kinds of inputs, in the order in which the engine trains them. */
export const trainedKinds = ({ engine }: Config): InputKind[] => (engine.training_content ? ['content'] : []);

export const scheduleOf = ({ engine }: Config): TrainingSchedule => ({
  first: engine.training_first_events,
  every: engine.training_every_events,
});

export const trainerOptionsOf = ({ engine }: Config): Omit<TrainerOptions, 'logger'> => ({
  content: { features: engine.training_features, rank: engine.training_rank },
  timeLimitMs: engine.training_time_limit_ms,
});
