/** What users' events do to the model: histories, links, traits, and the right to be forgotten. */
import type { UserId } from '../../../bus/event/ids.ts';
import type { Learner } from '../learn/learner.ts';
import type { HistoryEvent } from '../state/histories.ts';
import { rootBy } from '../state/links.ts';
import type { ModelState } from '../state/model-state.ts';
import { MAX_WEIGHT } from '../state/statistics.ts';
import type { Traits } from '../state/traits.ts';
import type { Interaction } from './events.ts';
import type { ItemFold } from './item-fold.ts';

export class UserFold {
  readonly #state: ModelState;
  readonly #items: ItemFold;
  readonly #learner: Learner;

  constructor(state: ModelState, items: ItemFold, learner: Learner) {
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
      this.#regroup(before, -1);
      // Ids that only the link named. The earlier owners include the session.
      for (const id of [...before.keys(), origin]) this.#releaseIfUnused(id);
      return true;
    }
    const user = links.root(origin);
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
      dismissals.move(session, root);
    } else this.#regroup(result, -1);
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

  forget(id: UserId): void {
    const { users, links, traits } = this.#state;
    const user = users.find(id);
    if (user === undefined) return;
    const claimed = links.claims.filter((claim) => claim.user === user);
    // The ranker learned nothing from an id that only a link of another user names.
    if (claimed.length > 0 || this.#contributed(user)) this.#learner.forget(user);
    traits.delete(user);
    const before = links.drop((claim) => claim.user === user) ?? new Map<number, number>();
    this.#regroup(claimed.length > 0 ? before : undefined, user);
    this.#releaseIfUnused(user);
    for (const { session } of claimed) this.#releaseIfUnused(session);
  }

  /** Whether the model holds traits, events, dismissals or impressions that were published under this id. */
  #contributed(user: number): boolean {
    const { links, traits, histories, dismissals, impressions } = this.#state;
    const root = links.root(user);
    return (
      traits.has(user) ||
      histories.read(root).some(({ origin }) => origin === user) ||
      dismissals.of(root).some(({ origin }) => origin === user) ||
      impressions.has(user)
    );
  }

  /** Releases an id that the model knows nothing of: no events, traits, links or dismissals. */
  #releaseIfUnused(user: number): void {
    const { users, links, traits, histories, dismissals, impressions } = this.#state;
    if (traits.has(user) || links.mentions(user) || histories.length(user) > 0) return;
    if (dismissals.of(user).length > 0) return;
    impressions.forget(user);
    users.release(user);
  }

  /**
   * Assigns events again after owners changed.
   *
   * @param before the earlier owners; undefined: they did not change
   * @param gone the origin whose events are dropped, -1 for none
   */
  #regroup(before: ReadonlyMap<number, number> | undefined, gone: number): void {
    const { links, histories, historyWriter, dismissals } = this.#state;
    const oldRoot = (id: number): number => (before === undefined ? links.root(id) : rootBy(before, id));
    const changed = before === undefined ? new Set<number>() : links.changedSince(before);
    const roots = new Set<number>();
    for (const id of changed) {
      roots.add(oldRoot(id));
      roots.add(oldRoot(links.root(id)));
    }
    if (gone >= 0) roots.add(oldRoot(gone));
    const next = new Map<number, HistoryEvent[]>();
    for (const root of roots) next.set(root, []);
    for (const root of roots) {
      for (const event of histories.read(root)) {
        if (event.origin === gone) continue;
        const to = links.root(event.origin);
        const events = next.get(to);
        if (events === undefined) next.set(to, [event]);
        else events.push(event);
      }
    }
    for (const [root, events] of next) {
      events.sort((a, b) => a.seq - b.seq);
      historyWriter.rewrite(root, events);
    }
    dismissals.regroup((origin) => links.root(origin), gone);
  }
}

/** Whether a number is a position of a log. */
export function isPosition(seq: number): boolean {
  return Number.isSafeInteger(seq) && seq >= 0;
}

function isSixteenths(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least && value <= MAX_WEIGHT;
}

function mergeInOrder(a: readonly HistoryEvent[], b: readonly HistoryEvent[]): HistoryEvent[] {
  return [...a, ...b].sort((x, y) => x.seq - y.seq);
}
