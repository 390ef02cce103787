/** The contents of a snapshot of the model. */
import type { Fingerprint } from '../../bus/projection/store.ts';
import { qualityOf } from '../fold/quality.ts';
import { finish, type Model, type Steps } from '../model/mod.ts';
import type { ModelImage } from './snapshots.ts';

/** Messages by which the engine recognises the log of a snapshot or a recorded input. */
const MARKS = 8;

/** The newest messages at or below a position, newest first. */
export const marksUpTo = (seq: number, fingerprints: readonly Fingerprint[]): Fingerprint[] =>
  fingerprints
    .filter((one) => one.seq <= seq)
    .sort((one, other) => other.seq - one.seq)
    .slice(0, MARKS);

export interface ImageOptions extends Pick<ModelImage, 'seq' | 'backend' | 'inputs' | 'pinned' | 'exact'> {
  /** The rows beside the model; their position may be later than that of the model. */
  fingerprints: readonly Fingerprint[];
}

/** @param options facts that the model does not hold; `seq` is its position */
export const imageOf = (model: Model, options: ImageOptions): ModelImage => finish(imaging(model, options));

/** The same in steps, during which nothing may change the model. */
export function* imaging(model: Model, options: ImageOptions): Steps<ModelImage> {
  const { seq, backend, inputs, pinned, exact, fingerprints } = options;
  const { users, items, events } = model.stats();
  const { clock } = model;
  const prequential = qualityOf(model);
  const marks = marksUpTo(seq, fingerprints);
  const state = yield* model.exportingState();
  return { seq, clock, state, users, items, events, backend, inputs, prequential, pinned, exact, marks };
}
