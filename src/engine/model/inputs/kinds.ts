/** Kinds of recorded inputs, and their quality. */
import { FreshetError } from '../../../errors.ts';

/**
 * `content`: whitened similarity of items, in closed form; `towers`: two learned towers, which the engine no longer trains
 * (decision 0028): the kind stays because the ranker's columns, and so the bytes of a state, name it.
 */
export type InputKind = 'content' | 'towers' | 'sequence' | 'ranker';
/** Kinds that score items by their features. */
export const MAP_KINDS = ['content', 'towers'] as const;
export type MapKind = (typeof MAP_KINDS)[number];

export const isMapKind = (kind: InputKind): kind is MapKind => (MAP_KINDS as readonly string[]).includes(kind);

/** A recorded input that cannot be read: it is cut, altered, of another kind, or of another version. */
export class InputUnreadableError extends FreshetError {
  readonly code = 'FRESHET_INPUT_UNREADABLE';
}

/** How well an input ranked events that it was not trained on: means of reciprocal ranks. */
export interface InputQuality {
  reciprocalRank: number;
  /** The same for a random order. */
  chance: number;
  questions: number;
}
