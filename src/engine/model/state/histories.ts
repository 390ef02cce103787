/**
 * Each user's events in log order: columns of one pool, with a contiguous region for each user. Regions have
 * power-of-two sizes and free lists, so another user takes over a region that a user has outgrown. An event costs 28
 * bytes over the fill.
 */

import { type Column, Kernel } from '../kernel/kernel.ts';

export interface HistoryEvent {
  /** Internal number of the item. */
  item: number;
  /** Sixteenths. */
  weight: number;
  /** Sixteenths of its negative feedback, 0 for none. */
  negative: number;
  /** Milliseconds since 1970. */
  time: number;
  /** Position in the log. */
  seq: number;
  /** Internal number of the id that published the event: the user, or a session that is linked to the user. */
  origin: number;
}

const SMALLEST_CLASS = 2;

export class Histories {
  /** The columns that the kernel reads: of events and, the last two, of users. */
  readonly columns: {
    readonly items: Column<Int32Array>;
    readonly weights: Column<Uint16Array>;
    readonly starts: Column<Float64Array>;
    readonly lengths: Column<Int32Array>;
  };
  negatives = new Uint16Array(1024);
  origins = new Int32Array(1024);
  times = new Float64Array(1024);
  seqs = new Float64Array(1024);
  #end = 0;
  #classes = new Uint8Array(256);
  #free: number[][] = [];
  #events = 0;

  constructor(kernel = new Kernel()) {
    this.columns = {
      items: kernel.i32(1024),
      weights: kernel.u16(1024),
      starts: kernel.f64(256),
      lengths: kernel.i32(256),
    };
  }

  /**
   * Items of all regions, valid until the next event. A user's items begin at `start(user)`, `length(user)` of them.
   */
  get items(): Int32Array {
    return this.columns.items.view;
  }

  get weights(): Uint16Array {
    return this.columns.weights.view;
  }

  get #starts(): Float64Array {
    return this.columns.starts.view;
  }

  get #lengths(): Int32Array {
    return this.columns.lengths.view;
  }

  /** Events of all users. */
  get events(): number {
    return this.#events;
  }

  length(user: number): number {
    return user < this.#lengths.length ? this.#lengths[user]! : 0;
  }

  start(user: number): number {
    return user < this.#starts.length ? this.#starts[user]! : 0;
  }

  /** Sequence of the newest event; -1 for an empty history. */
  lastSeq(user: number): number {
    const length = this.length(user);
    return length === 0 ? -1 : this.seqs[this.#starts[user]! + length - 1]!;
  }

  /** Index in the user's history of the first event with at least this sequence. */
  find(user: number, seq: number): number {
    const start = this.start(user);
    let low = 0;
    let high = this.length(user);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.seqs[start + middle]! < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Appends an event, whose sequence must be above the user's last. Returns its place in the pool. */
  append(
    user: number,
    item: number,
    weight: number,
    negative: number,
    time: number,
    seq: number,
    origin: number,
  ): number {
    const length = this.length(user);
    this.#reserve(user, length + 1);
    const at = this.#starts[user]! + length;
    this.items[at] = item;
    this.weights[at] = weight;
    this.negatives[at] = negative;
    this.times[at] = time;
    this.seqs[at] = seq;
    this.origins[at] = origin;
    this.#lengths[user] = length + 1;
    this.#events++;
    return at;
  }

  /** A copy of the event at a place of a user's history. */
  event(user: number, place: number): HistoryEvent {
    const at = this.start(user) + place;
    return {
      item: this.items[at]!,
      weight: this.weights[at]!,
      negative: this.negatives[at]!,
      time: this.times[at]!,
      seq: this.seqs[at]!,
      origin: this.origins[at]!,
    };
  }

  /** A copy of a user's events, oldest first, from a place on. */
  read(user: number, from = 0): HistoryEvent[] {
    const events: HistoryEvent[] = [];
    for (let place = from; place < this.length(user); place++) events.push(this.event(user, place));
    return events;
  }

  /** Whether an id published any event of a user's history. */
  hasOrigin(user: number, origin: number): boolean {
    const start = this.start(user);
    return this.origins.subarray(start, start + this.length(user)).includes(origin);
  }

  /** Replaces a user's history from a place on by these events, which are in log order. */
  writeFrom(user: number, from: number, events: readonly HistoryEvent[]): void {
    if (from === 0) {
      this.write(user, events);
      return;
    }
    const start = this.#starts[user]!;
    const end = start + this.length(user);
    // The fold may take the last event out, which must not stay readable behind the end.
    for (const column of [this.items, this.weights, this.negatives, this.origins, this.times, this.seqs])
      column.fill(0, start + from, end);
    this.#events -= end - start - from;
    this.#lengths[user] = from;
    for (const e of events) this.append(user, e.item, e.weight, e.negative, e.time, e.seq, e.origin);
  }

  /** Replaces a user's history by these events, which are in log order. */
  write(user: number, events: readonly HistoryEvent[]): void {
    this.#events -= this.length(user);
    if (user < this.#lengths.length) {
      this.#release(user);
      this.#lengths[user] = 0;
    }
    if (events.length === 0) return;
    this.#reserve(user, events.length);
    for (const e of events) this.append(user, e.item, e.weight, e.negative, e.time, e.seq, e.origin);
  }

  #release(user: number): void {
    const size = this.#classes[user]!;
    if (size === 0) return;
    // A forgotten user's events must not stay readable in a region that waits for its next owner.
    const start = this.#starts[user]!;
    const end = start + 2 ** size;
    this.items.fill(0, start, end);
    this.weights.fill(0, start, end);
    this.negatives.fill(0, start, end);
    this.origins.fill(0, start, end);
    this.times.fill(0, start, end);
    this.seqs.fill(0, start, end);
    while (this.#free.length <= size) this.#free.push([]);
    this.#free[size]!.push(start);
    this.#classes[user] = 0;
  }

  /** Makes the user's region large enough for `count` events. */
  #reserve(user: number, count: number): void {
    if (user >= this.#starts.length) this.#reserveUsers(user + 1);
    const current = this.#classes[user]!;
    if (current !== 0 && count <= 2 ** current) return;
    let size = SMALLEST_CLASS;
    while (2 ** size < count) size++;
    const to = this.#free[size]?.pop() ?? this.#allocate(2 ** size);
    const from = this.#starts[user]!;
    const length = this.#lengths[user]!;
    if (length > 0) {
      this.items.copyWithin(to, from, from + length);
      this.weights.copyWithin(to, from, from + length);
      this.negatives.copyWithin(to, from, from + length);
      this.origins.copyWithin(to, from, from + length);
      this.times.copyWithin(to, from, from + length);
      this.seqs.copyWithin(to, from, from + length);
    }
    this.#release(user);
    this.#starts[user] = to;
    this.#classes[user] = size;
  }

  #allocate(count: number): number {
    const start = this.#end;
    this.#end += count;
    if (this.#end > this.items.length) {
      // Untouched pages of a large allocation aren't resident, so growth by half costs address space, not memory.
      const size = Math.max(this.#end, Math.ceil(this.items.length * 1.5));
      this.columns.items.reserve(size);
      this.columns.weights.reserve(size);
      this.negatives = widen(this.negatives, new Uint16Array(size));
      this.origins = widen(this.origins, new Int32Array(size));
      this.times = widen(this.times, new Float64Array(size));
      this.seqs = widen(this.seqs, new Float64Array(size));
    }
    return start;
  }

  #reserveUsers(count: number): void {
    const size = Math.max(count, this.#starts.length * 2);
    this.columns.starts.reserve(size);
    this.columns.lengths.reserve(size);
    this.#classes = widen(this.#classes, new Uint8Array(size));
  }

  /** Bytes in use. */
  bytes(): number {
    return this.items.length * 28 + this.#starts.length * 13;
  }
}

function widen<T extends { set(source: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** The events of two histories in log order. */
export function mergeInOrder(a: readonly HistoryEvent[], b: readonly HistoryEvent[]): HistoryEvent[] {
  return [...a, ...b].sort((x, y) => x.seq - y.seq);
}
