/**
 * Scores of recorded inputs: how well an item goes with a user's history, by the features of both alone. A list has two
 * columns for each kind: the score, and one that fades as an item gathers events of its own. For an item that nobody
 * took, the second is all there is.
 */
import { MAP_KINDS, type MapKind } from '../inputs/kinds.ts';
import type { MappedConfig, RecordedInputs } from '../inputs/recorded-inputs.ts';
import type { Column, Kernel } from '../kernel/kernel.ts';
import { exp, ln } from '../primitives/math.ts';
import { FULL, type Statistics } from '../state/statistics.ts';

export class MappedSignals {
  readonly #config: MappedConfig;
  readonly #inputs: RecordedInputs;
  readonly #scores: Column<Float64Array>;

  constructor(config: MappedConfig, inputs: RecordedInputs, kernel: Kernel) {
    this.#config = config;
    this.#inputs = inputs;
    this.#scores = kernel.f64(64);
  }

  /**
   * Scores of items for a history, 0 for an item that the input does not know; undefined if no input is in force, or if
   * it knows nothing of the history. They are valid until the next call.
   *
   * @param items their numbers, `count` of them
   */
  scores(history: ArrayLike<number>, items: Column<Int32Array>, count: number): Column<Float64Array> | undefined {
    for (const kind of MAP_KINDS) {
      const map = this.#inputs.inForce(kind);
      if (map?.gather(history, this.#config.reach) !== true) continue;
      this.#scores.reserveTwice(count);
      map.scoreAll(items, count, 0, this.#scores);
      return this.#scores;
    }
    return undefined;
  }

  /**
   * Fills two columns of the table for one kind: the value, and the part of its logarithm that is left while the item
   * has few events of its own.
   *
   * @param candidates their numbers, `rows` of them
   * @param column column of the value; the other one is the next
   */
  fill(
    kind: MapKind,
    history: ArrayLike<number>,
    candidates: Column<Int32Array>,
    rows: number,
    statistics: Statistics,
    table: Column<Float64Array>,
    column: number,
    columns: number,
  ): void {
    const map = this.#inputs.inForce(kind);
    if (map?.gather(history, this.#config.reach) !== true) return;
    this.#scores.reserveTwice(rows);
    map.scoreAll(candidates, rows, kind === 'towers' ? -1e9 : 0, this.#scores);
    const scores = this.#scores.view;
    if (kind === 'towers') odds(scores, rows);
    let sum = 0;
    let positive = 0;
    for (let row = 0; row < rows; row++) {
      if (scores[row]! <= 0) continue;
      sum += scores[row]!;
      positive++;
    }
    if (positive === 0) return;
    const mean = sum / positive;
    const [into, numbers] = [table.view, candidates.view];
    for (let row = 0; row < rows; row++) {
      if (scores[row]! <= 0) continue;
      const at = row * columns + column;
      into[at] = scores[row]!;
      into[at + 1] = ln(1 + scores[row]! / mean) * (1 - this.ownShare(numbers[row]!, statistics));
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
