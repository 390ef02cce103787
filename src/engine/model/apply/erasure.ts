/**
 * Takes the events of forgotten users out of the model in slices (decision 0034). An erasure begins with a cut: the id
 * gives up its number, so the model no longer knows it, and an event under the same id gets another number. The events
 * under the old number, the *doomed* ones, leave their history from the newest to the oldest, because that shifts no place
 * of an event that stays. Events of sessions that the user had claimed go to their own histories on the same way.
 */
import { type HistoryEvent, mergeInOrder } from '../state/histories.ts';
import type { ModelState } from '../state/model-state.ts';

export class Erasure {
  readonly #state: ModelState;
  /** Numbers whose id was forgotten, and whose events are left. */
  readonly #doomed = new Set<number>();
  /** Histories with events that belong elsewhere, or nowhere. */
  readonly #histories = new Set<number>();
  /** Numbers that may be without use once no history is left. */
  readonly #unused = new Set<number>();

  constructor(state: ModelState) {
    this.#state = state;
  }

  get underWay(): boolean {
    return this.#histories.size > 0;
  }

  isDoomed(origin: number): boolean {
    return this.#doomed.has(origin);
  }

  /** Dooms the events under a number that lost its id. */
  doom(origin: number): void {
    this.#doomed.add(origin);
  }

  /** Puts a history on the list: some of its events belong elsewhere. */
  visit(user: number): void {
    this.#histories.add(user);
  }

  /** A number to release at the end unless it is of use. */
  releaseLater(number: number): void {
    this.#unused.add(number);
  }

  /** The events of a history moved to another one. */
  moved(from: number, to: number): void {
    if (this.#histories.delete(from)) this.#histories.add(to);
  }

  /** The history that holds an event of this owner and is not the owner's; undefined if no history does. */
  strayed(owner: number, seq: number): number | undefined {
    const { histories, links } = this.#state;
    for (const user of this.#histories) {
      const place = histories.find(user, seq);
      if (place === histories.length(user)) continue;
      const event = histories.event(user, place);
      if (event.seq === seq && !this.#doomed.has(event.origin) && links.root(event.origin) === owner) return user;
    }
    return undefined;
  }

  /** Whether a history of the erasure holds events that an id published. */
  holds(origin: number): boolean {
    for (const user of this.#histories) if (this.#state.histories.hasOrigin(user, origin)) return true;
    return false;
  }

  /**
   * The next slice: takes out or moves at most so many events. False: nothing was left to do.
   *
   * @param release releases a number unless it is of use
   */
  slice(limit: number, release: (number: number) => void): boolean {
    let left = limit;
    while (left > 0) {
      const next = this.#histories.values().next();
      if (next.done) return false;
      const taken = this.#takeNewest(next.value, left);
      left -= Math.max(taken, 1);
      if (this.#histories.size > 0) continue;
      const { users } = this.#state;
      for (const number of this.#doomed) users.release(number);
      this.#doomed.clear();
      for (const number of this.#unused) release(number);
      this.#unused.clear();
    }
    return this.underWay;
  }

  /** Takes the newest misplaced events out of a history, at most so many, and returns how many. */
  #takeNewest(user: number, limit: number): number {
    const { histories, historyWriter, links } = this.#state;
    const start = histories.start(user);
    const staying: HistoryEvent[] = [];
    const moving = new Map<number, HistoryEvent[]>();
    let from = histories.length(user);
    let taken = 0;
    let first = from;
    for (; from > 0 && taken < limit; from--) {
      const origin = histories.origins[start + from - 1]!;
      const isGone = this.#doomed.has(origin);
      const root = isGone ? -1 : links.root(origin);
      if (root === user) {
        staying.push(histories.event(user, from - 1));
        continue;
      }
      taken++;
      first = from - 1;
      if (isGone) continue;
      const events = moving.get(root);
      if (events === undefined) moving.set(root, [histories.event(user, from - 1)]);
      else events.push(histories.event(user, from - 1));
    }
    if (from === 0) this.#histories.delete(user);
    if (taken === 0) return 0;
    // The events that stay and are older than the oldest one taken keep their places.
    staying.length -= first - from;
    historyWriter.rewriteFrom(user, first, staying.reverse());
    for (const [root, events] of moving)
      historyWriter.rewrite(root, mergeInOrder(histories.read(root), events.reverse()));
    return taken;
  }
}
