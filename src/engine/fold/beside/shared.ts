/**
 * The memory that the fold's thread and the thread that makes examples share: who makes which example of a batch, and the
 * examples that are made.
 *
 * A batch has a number, and each position in it a flag. Both threads come to the positions in the same order, and who sets
 * the flag first makes the example. A slot holds an example from its claim until the fold has taken it. Marks of earlier
 * batches mean nothing, so nobody has to clear them.
 */
import { FreshetError } from '../../../errors.ts';
import type { RawExample } from '../../model/mod.ts';

/** Positions behind the first one of a batch that have a flag. */
const POSITIONS = 16_384;
/** Examples that are claimed or made, and not yet taken. */
const SLOTS = 16;
/** Code of a flag: the fold's thread makes the example itself; above it: the number of a slot. */
const OWN = 1;
const CODES = 64;
/** States of a slot. */
const FREE = 0;
const CLAIMED = 1;
const MADE = 2;
const NONE = 3;
/** Members of a slot's head. */
const BATCH = 0;
const STATE = 1;
const LEFT = 2;
const INPUTS = 3;
const ROWS = 4;
const ROW = 5;
const LENGTH = 6;
const EFFORT = 7;
const NUMBERS = 8;
const HEAD = 9;

/** The thread that learns beside the fold died, so the model is the fold of no position. */
export class LearningThreadError extends FreshetError {
  readonly code = 'FRESHET_LEARNING_THREAD';
}

export interface SharedBuffers {
  /** Number of the batch that the fold is at. */
  current: SharedArrayBuffer;
  /** Effort and steps of the fold's ranker. */
  pace: SharedArrayBuffer;
  flags: SharedArrayBuffer;
  heads: SharedArrayBuffer;
  values: SharedArrayBuffer;
}

/** @param size most numbers of an example */
export const shareBuffers = (size: number): SharedBuffers => ({
  current: new SharedArrayBuffer(4),
  pace: new SharedArrayBuffer(16),
  flags: new SharedArrayBuffer(POSITIONS * 4),
  heads: new SharedArrayBuffer(SLOTS * HEAD * 4),
  values: new SharedArrayBuffer(SLOTS * size * 8),
});

/** What both threads do with it. */
class Shared {
  protected readonly current: Int32Array;
  protected readonly pace: Float64Array;
  protected readonly flags: Int32Array;
  protected readonly heads: Int32Array;
  readonly #values: Float64Array;
  readonly #size: number;
  /** Number of the batch, and its first position. */
  protected batch = 0;
  protected first = 0;

  constructor({ current, pace, flags, heads, values }: SharedBuffers) {
    this.current = new Int32Array(current);
    this.pace = new Float64Array(pace);
    this.flags = new Int32Array(flags);
    this.heads = new Int32Array(heads);
    this.#values = new Float64Array(values);
    this.#size = this.#values.length / SLOTS;
  }

  protected valuesOf(slot: number): Float64Array {
    return this.#values.subarray(slot * this.#size, (slot + 1) * this.#size);
  }

  /** Sets the flag of a position, if nobody has in this batch; returns the code that it has then. */
  protected mark(at: number, code: number): number {
    const mine = this.batch * CODES + code;
    for (;;) {
      const known = Atomics.load(this.flags, at);
      const batch = Math.floor(known / CODES);
      if (batch === this.batch) return known % CODES;
      if (batch > this.batch) return OWN;
      if (Atomics.compareExchange(this.flags, at, known, mine) === known) return code;
    }
  }
}

/** The part of the fold's thread. */
export class SharedSource extends Shared {
  /** Head of the slot whose example was taken last. */
  #taken = -1;

  /** Begins a batch whose messages begin at this position. */
  begin(first: number): number {
    this.batch++;
    this.first = first;
    this.#taken = -1;
    Atomics.store(this.current, 0, this.batch);
    return this.batch;
  }

  setPace(effort: number, steps: number): void {
    this.pace[0] = effort;
    this.pace[1] = steps;
  }

  /** Whether the other thread makes the example of this position, with these inputs in force. */
  isMade(seq: number, inputs: number): boolean {
    const at = seq - this.first;
    if (at < 0 || at >= POSITIONS) return false;
    const slot = this.mark(at, OWN) - OWN - 1;
    if (slot < 0) return false;
    if (Atomics.load(this.heads, slot * HEAD + INPUTS) === inputs) return true;
    Atomics.store(this.heads, slot * HEAD + LEFT, this.batch);
    return false;
  }

  #slotOf(seq: number): number {
    return (Atomics.load(this.flags, seq - this.first) % CODES) - OWN - 1;
  }

  isReady(seq: number): boolean {
    return Atomics.load(this.heads, this.#slotOf(seq) * HEAD + STATE) !== CLAIMED;
  }

  /**
   * The example, once it is there; valid until the next one is taken.
   *
   * @param withinMs milliseconds after which the other thread counts as dead
   */
  take(seq: number, withinMs: number): RawExample | undefined {
    if (this.#taken >= 0) Atomics.store(this.heads, this.#taken + STATE, FREE);
    const slot = this.#slotOf(seq);
    const head = slot * HEAD;
    while (Atomics.load(this.heads, head + STATE) === CLAIMED)
      if (Atomics.wait(this.heads, head + STATE, CLAIMED, withinMs) === 'timed-out')
        throw new LearningThreadError(
          `The thread that learns beside the fold has not made the example of position ${seq} within ${withinMs} ms.`,
          { next: 'start the engine again; with engine.learn_beside_mib: 0 it learns in one thread', details: { seq } },
        );
    this.#taken = head;
    if (Atomics.load(this.heads, head + STATE) !== MADE) return undefined;
    const member = (which: number): number => this.heads[head + which] as number;
    return {
      values: this.valuesOf(slot).subarray(0, member(NUMBERS)),
      rows: member(ROWS),
      row: member(ROW),
      historyLength: member(LENGTH),
      effort: member(EFFORT),
    };
  }
}

/** The part of the thread that makes examples. */
export class SharedMaker extends Shared {
  #slot = -1;

  /** Goes on with the examples of this batch, of which the fold may have taken all meanwhile. */
  begin(batch: number, first: number): void {
    this.batch = batch;
    this.first = first;
  }

  effort(): number {
    return this.pace[0] as number;
  }

  steps(): number {
    return this.pace[1] as number;
  }

  claim(seq: number, inputs: number): boolean {
    const at = seq - this.first;
    if (at < 0 || at >= POSITIONS || Atomics.load(this.current, 0) !== this.batch) return false;
    const slot = this.#freeSlot();
    if (slot < 0) return false;
    const head = slot * HEAD;
    this.heads[head + BATCH] = this.batch;
    Atomics.store(this.heads, head + LEFT, 0);
    Atomics.store(this.heads, head + INPUTS, inputs);
    Atomics.store(this.heads, head + STATE, CLAIMED);
    if (this.mark(at, OWN + 1 + slot) === OWN + 1 + slot) {
      this.#slot = slot;
      return true;
    }
    Atomics.store(this.heads, head + STATE, FREE);
    return false;
  }

  /** A slot that is free, of an earlier batch, or of an example that the fold has made itself. */
  #freeSlot(): number {
    for (let slot = 0; slot < SLOTS; slot++) {
      const head = slot * HEAD;
      const isOld = this.heads[head + BATCH] !== this.batch;
      const isLeft = Atomics.load(this.heads, head + LEFT) === this.batch;
      if (isOld || isLeft || Atomics.load(this.heads, head + STATE) === FREE) return slot;
    }
    return -1;
  }

  put(example: RawExample | undefined): void {
    const head = this.#slot * HEAD;
    if (example !== undefined) {
      const { values, rows, row, historyLength, effort } = example;
      this.valuesOf(this.#slot).set(values);
      this.heads.set([rows, row, historyLength, effort, values.length], head + ROWS);
    }
    Atomics.store(this.heads, head + STATE, example === undefined ? NONE : MADE);
    Atomics.notify(this.heads, head + STATE);
  }
}
