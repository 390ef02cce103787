/**
 * Writes histories, and with them all that the model counts of their events: statistics, postings and popularity. After
 * every change each of these is what a count from nothing would give.
 */
import type { Column, Kernel } from '../kernel/kernel.ts';
import type { Histories, HistoryEvent } from './histories.ts';
import type { IdTable } from './id-table.ts';
import type { LogHead } from './log-head.ts';
import type { Popularity } from './popularity.ts';
import type { Posting, Postings } from './postings.ts';
import type { Statistics } from './statistics.ts';

export interface HistoryTables {
  head: LogHead;
  users: IdTable;
  histories: Histories;
  statistics: Statistics;
  postings: Postings;
  popularity: Popularity;
}

export class HistoryWriter {
  readonly #head: LogHead;
  readonly #users: IdTable;
  readonly #histories: Histories;
  readonly #statistics: Statistics;
  readonly #postings: Postings;
  readonly #popularity: Popularity;
  /** Scratch of {@link #count}. */
  readonly #items: Column<Int32Array>;

  constructor({ head, users, histories, statistics, postings, popularity }: HistoryTables, kernel: Kernel) {
    this.#head = head;
    this.#users = users;
    this.#histories = histories;
    this.#statistics = statistics;
    this.#postings = postings;
    this.#popularity = popularity;
    this.#items = kernel.i32(64);
  }

  /** Appends an event after all other events of the user, and counts it. */
  append(
    user: number,
    item: number,
    weight: number,
    negative: number,
    time: number,
    seq: number,
    origin: number,
  ): void {
    const histories = this.#histories;
    const at = histories.append(user, item, weight, negative, time, seq, origin);
    const start = histories.start(user);
    if (seq > this.#head.position) this.#head.position = seq;
    this.#statistics.count(histories.columns.items, start, at, weight, negative, time, 1);
    this.#postings.append(item, seq, user, at - start);
    this.#popularity.count(item, time, weight, this.#statistics.config.bucketMs, this.#statistics);
  }

  /**
   * Replaces a user's history and moves the statistics with it. What an event contributes depends only on the 30 events
   * before it. So the method counts only the events that differ and the 30 events after them, and to take one event out
   * of a history of a hundred thousand costs no more than out of a short one.
   */
  rewrite(user: number, next: readonly HistoryEvent[]): void {
    this.rewriteFrom(user, 0, next);
  }

  /** The same for the end of a history, from a place on: the events before it are not read. */
  rewriteFrom(user: number, from: number, next: readonly HistoryEvent[]): void {
    const old = this.#histories.read(user, from);
    const shorter = Math.min(old.length, next.length);
    let head = 0;
    while (head < shorter && old[head]!.seq === next[head]!.seq) head++;
    let tail = 0;
    while (tail < shorter - head && old[old.length - 1 - tail]!.seq === next[next.length - 1 - tail]!.seq) tail++;
    const reach = this.#statistics.config.coOccurrenceReach;
    const before = this.#itemsBefore(user, from, reach);
    this.#count(before, old, head, Math.min(old.length, old.length - tail + reach), -1);
    this.#count(before, next, head, Math.min(next.length, next.length - tail + reach), 1);
    this.#repost(user, from, old, next, head, tail);
    this.#histories.writeFrom(user, from, next);
    const newest = next.at(-1)?.seq ?? 0;
    if (newest > this.#head.position) this.#head.position = newest;
    else if (old.at(-1)?.seq === this.#head.position) this.updatePosition();
  }

  updatePosition(): void {
    this.#head.position = 0;
    for (let user = 0; user < this.#users.end; user++) {
      this.#head.position = Math.max(this.#head.position, this.#histories.lastSeq(user));
    }
  }

  /** Items of the events just before a place, the newest last. */
  #itemsBefore(user: number, place: number, reach: number): Int32Array {
    const start = this.#histories.start(user);
    return this.#histories.items.slice(start + Math.max(0, place - reach), start + place);
  }

  /**
   * Moves the postings of a user's events with the history from a place on; the first `head` and the last `tail` events
   * stay.
   */
  #repost(
    user: number,
    from: number,
    old: readonly HistoryEvent[],
    next: readonly HistoryEvent[],
    head: number,
    tail: number,
  ): void {
    const changes = new Map<number, { gone: Posting[]; come: Posting[] }>();
    const changeOf = (item: number): { gone: Posting[]; come: Posting[] } => {
      let change = changes.get(item);
      if (change === undefined) {
        change = { gone: [], come: [] };
        changes.set(item, change);
      }
      return change;
    };
    for (let place = head; place < old.length - tail; place++) {
      const { item, seq } = old[place]!;
      changeOf(item).gone.push({ seq, user, place: from + place });
    }
    for (let place = head; place < next.length - tail; place++) {
      const { item, seq } = next[place]!;
      changeOf(item).come.push({ seq, user, place: from + place });
    }
    const shift = next.length - old.length;
    if (shift !== 0) {
      for (let place = old.length - tail; place < old.length; place++) {
        const { item, seq } = old[place]!;
        this.#postings.move(item, { seq, user, place: from + place }, from + place + shift);
      }
    }
    for (const [item, { gone, come }] of changes) this.#postings.change(item, gone, come);
  }

  /** @param before items of the events before the first one, as far as they reach */
  #count(before: Int32Array, events: readonly HistoryEvent[], from: number, to: number, sign: 1 | -1): void {
    if (from >= to) return;
    const first = Math.max(0, from - this.#statistics.config.coOccurrenceReach);
    const known = first === 0 ? before.length : 0;
    const items = this.#items;
    items.reserveTwice(known + to - first);
    if (known > 0) items.view.set(before);
    for (let i = first; i < to; i++) items.view[known + i - first] = events[i]!.item;
    for (let i = from; i < to; i++) {
      const { item, weight, negative, time } = events[i]!;
      this.#statistics.count(items, 0, known + i - first, weight, negative, time, sign);
      this.#popularity.count(item, time, sign * weight, this.#statistics.config.bucketMs, this.#statistics);
    }
  }
}
