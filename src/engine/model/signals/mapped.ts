/**
 * Scores of recorded inputs: how well an item goes with a user's history, by the features of both alone. A list has two
 * columns for each kind: the score, and one that fades as an item gathers events of its own. For an item that nobody
 * took, the second is all there is.
 */
import { MAP_KINDS, type MapKind } from '../inputs/kinds.ts';
import type { MappedItems } from '../inputs/mapped-items.ts';
import type { MappedConfig, RecordedInputs } from '../inputs/recorded-inputs.ts';
import { exp, ln } from '../primitives/math.ts';
import { FULL, type Statistics } from '../state/statistics.ts';

export class MappedSignals {
  readonly #config: MappedConfig;
  readonly #inputs: RecordedInputs;
  #userVector = new Float64Array(0);
  #scores = new Float64Array(0);

  constructor(config: MappedConfig, inputs: RecordedInputs) {
    this.#config = config;
    this.#inputs = inputs;
  }

  #vectorFor(map: MappedItems): Float64Array {
    if (this.#userVector.length !== map.map.rank) this.#userVector = new Float64Array(map.map.rank);
    return this.#userVector;
  }

  /**
   * Offers items with their scores for a history; offers none if no input is in force, or if it knows nothing of the
   * history.
   */
  offer(history: ArrayLike<number>, items: Int32Array, offer: (item: number, score: number) => void): void {
    for (const kind of MAP_KINDS) {
      const map = this.#inputs.inForce(kind);
      if (map === undefined) continue;
      const userVector = this.#vectorFor(map);
      if (!map.gather(history, this.#config.reach, userVector)) continue;
      for (let i = 0; i < items.length; i++)
        if (map.knows(items[i]!)) offer(items[i]!, map.score(items[i]!, userVector));
      return;
    }
  }

  /**
   * Fills two columns of the table for one kind: the value, and the part of its logarithm that is left while the item
   * has few events of its own.
   *
   * @param column column of the value; the other one is the next
   */
  fill(
    kind: MapKind,
    history: ArrayLike<number>,
    candidates: readonly number[],
    statistics: Statistics,
    into: Float64Array,
    column: number,
    columns: number,
  ): void {
    const map = this.#inputs.inForce(kind);
    if (map === undefined) return;
    const userVector = this.#vectorFor(map);
    if (!map.gather(history, this.#config.reach, userVector)) return;
    if (this.#scores.length < candidates.length) this.#scores = new Float64Array(candidates.length * 2);
    const scores = this.#scores;
    for (let row = 0; row < candidates.length; row++) {
      const item = candidates[row]!;
      scores[row] = map.knows(item) ? map.score(item, userVector) : kind === 'towers' ? -1e9 : 0;
    }
    if (kind === 'towers') odds(scores, candidates.length);
    let sum = 0;
    let positive = 0;
    for (let row = 0; row < candidates.length; row++) {
      if (scores[row]! <= 0) continue;
      sum += scores[row]!;
      positive++;
    }
    if (positive === 0) return;
    const mean = sum / positive;
    for (let row = 0; row < candidates.length; row++) {
      if (scores[row]! <= 0) continue;
      const at = row * columns + column;
      into[at] = scores[row]!;
      into[at + 1] = ln(1 + scores[row]! / mean) * (1 - this.ownShare(candidates[row]!, statistics));
    }
  }

  /** Share of an item's own evidence against the score of its features; 0 for an item without events. */
  ownShare(item: number, statistics: Statistics): number {
    const events = (statistics.total[item] ?? 0) / FULL;
    return events / (this.#config.ownEvents + events);
  }
}

/** Turns logits into what a softmax is proportional to, in place; the largest becomes 1. */
function odds(logits: Float64Array, count: number): void {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) most = Math.max(most, logits[i]!);
  for (let i = 0; i < count; i++) logits[i] = exp(Math.max(logits[i]! - most, -600));
}
