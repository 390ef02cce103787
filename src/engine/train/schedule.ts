/**
 * When to train: at fixed positions of the log, so that a rebuild trains at the same ones. The engine trains whenever a
 * short log has doubled, and every `every` events of a long one.
 */
export interface TrainingSchedule {
  /** First position. */
  first: number;
  /** Events between trainings, once doubling would take longer. */
  every: number;
}

export const SCHEDULE_DEFAULTS: TrainingSchedule = { first: 5_000, every: 250_000 };

/** The next position after this one at which to train. */
export function nextTraining(seq: number, { first, every }: TrainingSchedule = SCHEDULE_DEFAULTS): number {
  let next = Math.max(1, first);
  while (next <= seq && next < every) next *= 2;
  return next > seq && next < every ? next : Math.max(1, Math.floor(seq / every) + 1) * every;
}

/** The last position up to this one at which to train; 0: no training was due yet. */
export function lastTraining(seq: number, schedule: TrainingSchedule = SCHEDULE_DEFAULTS): number {
  const every = Math.max(1, schedule.every);
  if (seq >= every) return Math.floor(seq / every) * every;
  let last = 0;
  for (let next = nextTraining(0, schedule); next <= seq; next = nextTraining(next, schedule)) last = next;
  return last;
}
