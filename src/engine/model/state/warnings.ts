/** Faults of the events that the model has met. None of them stops the fold; the model counts them. */

export type WarningName =
  | 'bad-weight'
  | 'bad-time'
  | 'bad-sequence'
  | 'repeated-sequence'
  | 'bad-number'
  | 'unknown-item'
  /** An interaction with an item that is not in the catalogue, although there is a catalogue. */
  | 'unlisted-item'
  /** More items than the statistics have numbers for. */
  | 'too-many-items'
  | 'unknown-event'
  | 'embedding-length'
  | 'idle-link';

export class Warnings {
  readonly #counts: Record<WarningName, number> = {
    'bad-weight': 0,
    'bad-time': 0,
    'bad-sequence': 0,
    'repeated-sequence': 0,
    'bad-number': 0,
    'unknown-item': 0,
    'unlisted-item': 0,
    'too-many-items': 0,
    'unknown-event': 0,
    'embedding-length': 0,
    'idle-link': 0,
  };

  /** Counts a fault; returns false, which the fold returns for an event that changed nothing. */
  count(name: WarningName): false {
    this.#counts[name]++;
    return false;
  }

  /** A copy of the counts by name. */
  counts(): Readonly<Record<WarningName, number>> {
    return { ...this.#counts };
  }
}
