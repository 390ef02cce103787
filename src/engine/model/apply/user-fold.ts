/** What users' events do to the model: histories, links, traits, and the right to be forgotten. */
import type { UserId } from '../../../bus/event/ids.ts';
import type { Learner } from '../learn/learner.ts';
import { type HistoryEvent, mergeInOrder } from '../state/histories.ts';
import { type Links, rootBy } from '../state/links.ts';
import type { ModelState } from '../state/model-state.ts';
import { MAX_WEIGHT } from '../state/statistics.ts';
import type { Traits } from '../state/traits.ts';
import { Erasure } from './erasure.ts';
import type { Interaction } from './events.ts';
import type { ItemFold } from './item-fold.ts';

export class UserFold {
  readonly #state: ModelState;
  readonly #items: ItemFold;
  readonly #learner: Learner;
  readonly #erasure: Erasure;

  constructor(state: ModelState, items: ItemFold, learner: Learner) {
    this.#erasure = new Erasure(state);
    this.#state = state;
    this.#items = items;
    this.#learner = learner;
  }

  interact({ user: id, item: itemId, weight, negative = 0, time, seq }: Interaction): boolean {
    const { warnings, users, links, catalogue, histories, historyWriter, head } = this.#state;
    if (weight === 0) return false;
    if (!isSixteenths(weight, 1) || !isSixteenths(negative, 0)) return warnings.count('bad-weight');
    if (!Number.isFinite(time)) return warnings.count('bad-time');
    if (!isPosition(seq)) return warnings.count('bad-sequence');
    if (!this.#items.hasRoomUnlisted(itemId)) return warnings.count('too-many-items');
    const origin = users.intern(id);
    const user = links.root(origin);
    const item = this.#items.number(itemId);
    // The fold keeps the event: a later publication of the item finds its history.
    if (catalogue.everPublished && !catalogue.isPublished(item)) warnings.count('unlisted-item');
    if (seq > histories.lastSeq(user)) {
      head.advance(time);
      this.#learner.learnInteraction({ user, item, time, seq, id, itemId });
      historyWriter.append(user, item, weight, negative, time, seq, origin);
      return true;
    }
    const place = histories.find(user, seq);
    if (histories.seqs[histories.start(user) + place] === seq) return warnings.count('repeated-sequence');
    const events = histories.read(user);
    events.splice(place, 0, { item, weight, negative, time, seq, origin });
    historyWriter.rewrite(user, events);
    return true;
  }

  retract(id: UserId, seq: number): boolean {
    const { warnings, users, links, histories, historyWriter } = this.#state;
    const origin = users.find(id);
    if (origin === undefined) return warnings.count('unknown-event');
    const before = links.drop((claim) => claim.seq === seq && claim.user === origin);
    if (before !== undefined) {
      this.#regroup(before);
      // Ids that only the link named. The earlier owners include the session.
      for (const id of [...before.keys(), origin]) this.#releaseIfUnused(id);
      return true;
    }
    const root = links.root(origin);
    const user = this.#erasure.strayed(root, seq) ?? root;
    const place = histories.find(user, seq);
    const events = histories.read(user);
    if (events[place]?.seq !== seq) return warnings.count('unknown-event');
    const { origin: published } = events[place]!;
    events.splice(place, 1);
    historyWriter.rewrite(user, events);
    this.#releaseIfUnused(published);
    return true;
  }

  link(userId: UserId, sessionId: UserId, seq: number): boolean {
    const { warnings, users, links, histories, historyWriter, dismissals } = this.#state;
    if (!isPosition(seq)) return warnings.count('bad-sequence');
    const user = users.intern(userId);
    const session = users.intern(sessionId);
    const result = links.add({ session, user, seq });
    if (result === 'idle') return warnings.count('idle-link');
    if (result === 'moved') {
      const root = links.root(user);
      const events = histories.read(session);
      if (events.length > 0) {
        historyWriter.rewrite(session, []);
        historyWriter.rewrite(root, mergeInOrder(histories.read(root), events));
      }
      this.#erasure.moved(session, root);
      dismissals.move(session, root);
    } else this.#regroup(result);
    return true;
  }

  setTraits(id: UserId, traits: Traits): void {
    const { warnings, users } = this.#state;
    const kept: Record<string, Traits[string]> = {};
    for (const [key, value] of Object.entries(traits)) {
      if (typeof value === 'number' && !Number.isFinite(value)) warnings.count('bad-number');
      else kept[key] = value;
    }
    if (Object.keys(kept).length > 0) {
      this.#state.traits.set(users.intern(id), kept);
      return;
    }
    // An empty record is no state: whether a caller set it, removed it or never set it makes no difference.
    const user = users.find(id);
    if (user === undefined) return;
    this.#state.traits.delete(user);
    this.#releaseIfUnused(user);
  }

  /** Whether an erasure is under way. */
  get erasing(): boolean {
    return this.#erasure.underWay;
  }

  /** The first step of {@link Model.forget}: the model no longer knows the id. {@link erase} removes the events. */
  cutOff(id: UserId): void {
    const { users, links, traits, histories, dismissals } = this.#state;
    const user = users.find(id);
    if (user === undefined) return;
    const erasure = this.#erasure;
    const root = links.root(user);
    const claimed = links.claims.filter((claim) => claim.user === user);
    // The ranker learned nothing from an id that only a link of another user names.
    if (claimed.length > 0 || this.#contributed(user)) this.#learner.forget(user);
    traits.delete(user);
    const isDoomed = histories.hasOrigin(root, user) || erasure.holds(user);
    const before = links.drop((claim) => claim.user === user);
    const changed = before === undefined ? [] : rootsOfChanged(before, links);
    for (const one of isDoomed ? [root, ...changed] : changed) if (histories.length(one) > 0) erasure.visit(one);
    const roots = new Set([root, ...changed]);
    dismissals.regroup(roots, (origin) => links.root(origin), user);
    if (isDoomed) {
      erasure.doom(user);
      users.detach(user);
      if (links.mentions(user)) links.renumber(user, users.intern(id));
    }
    for (const number of [user, ...claimed.map(({ session }) => session)]) this.#releaseIfUnused(number);
  }

  /** The next slice of the erasures under way: takes out at most so many events. */
  erase(limit: number): void {
    this.#erasure.slice(limit, (number) => this.#releaseIfUnused(number));
  }

  /** Whether the model holds traits, events, dismissals or impressions that were published under this id. */
  #contributed(user: number): boolean {
    const { links, traits, histories, dismissals, impressions } = this.#state;
    const root = links.root(user);
    return (
      traits.has(user) ||
      histories.hasOrigin(root, user) ||
      this.#erasure.holds(user) ||
      dismissals.of(root).some(({ origin }) => origin === user) ||
      impressions.has(user)
    );
  }

  /** Releases an id that the model knows nothing of: no events, traits, links or dismissals. */
  #releaseIfUnused(user: number): void {
    const { users, links, traits, histories, dismissals, impressions } = this.#state;
    // An event of the id may still be on its way to the history of its owner.
    if (this.#erasure.underWay) {
      this.#erasure.releaseLater(user);
      return;
    }
    if (traits.has(user) || links.mentions(user) || histories.length(user) > 0) return;
    if (dismissals.of(user).length > 0) return;
    impressions.forget(user);
    users.release(user);
  }

  /**
   * Assigns events again after owners changed.
   *
   * @param before the earlier owners
   */
  #regroup(before: ReadonlyMap<number, number>): void {
    const { links, histories, historyWriter, dismissals } = this.#state;
    const roots = new Set(rootsOfChanged(before, links));
    const next = new Map<number, HistoryEvent[]>();
    for (const root of roots) next.set(root, []);
    for (const root of roots) {
      for (const event of histories.read(root)) {
        const to = this.#erasure.isDoomed(event.origin) ? root : links.root(event.origin);
        const events = next.get(to);
        if (events === undefined) next.set(to, [event]);
        else events.push(event);
      }
    }
    for (const [root, events] of next) {
      // A history that was not among the roots keeps its events.
      const all = roots.has(root) ? events : mergeInOrder(histories.read(root), events);
      historyWriter.rewrite(
        root,
        all.sort((a, b) => a.seq - b.seq),
      );
    }
    dismissals.regroup(roots, (origin) => links.root(origin), -1);
  }
}

/** The users that owned, before, an id whose owner is another one now, and the user that owns it now. */
function rootsOfChanged(before: ReadonlyMap<number, number>, links: Links): number[] {
  return [...links.changedSince(before)].flatMap((id) => [rootBy(before, id), rootBy(before, links.root(id))]);
}

/** Whether a number is a position of a log. */
export function isPosition(seq: number): boolean {
  return Number.isSafeInteger(seq) && seq >= 0;
}

function isSixteenths(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least && value <= MAX_WEIGHT;
}
