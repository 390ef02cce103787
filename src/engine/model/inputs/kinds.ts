/** Kinds of recorded inputs, and how well one ranked. */
import { FreshetError } from '../../../errors.ts';

/** `content`: whitened likeness of items, in closed form; `towers`: the two learned towers. */
export type InputKind = 'content' | 'towers' | 'sequence' | 'ranker';
/** Kinds that score items by their features. */
export const MAP_KINDS = ['content', 'towers'] as const;
export type MapKind = (typeof MAP_KINDS)[number];

export const isMapKind = (kind: InputKind): kind is MapKind => (MAP_KINDS as readonly string[]).includes(kind);

/** A recorded input that can't be read: cut, altered, or of another version. */
export class InputUnreadableError extends FreshetError {
  readonly code = 'FRESHET_INPUT_UNREADABLE';
}

/** How well an input ranked what it had not been trained on: means of reciprocal ranks. */
export interface InputQuality {
  reciprocalRank: number;
  /** Of an order by chance. */
  chance: number;
  questions: number;
}
