/** What feedback does to the model: lists that a user saw, clicks and dismissals. */
import type { Learner } from '../learn/learner.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Reaction, ServedList } from './events.ts';
import type { ItemFold } from './item-fold.ts';
import { isPosition } from './user-fold.ts';

export class FeedbackFold {
  readonly #state: ModelState;
  readonly #items: ItemFold;
  readonly #learner: Learner;

  constructor(state: ModelState, items: ItemFold, learner: Learner) {
    this.#state = state;
    this.#items = items;
    this.#learner = learner;
  }

  serve({ user: id, list, items, time, seq }: ServedList): void {
    const { warnings, users, links, head } = this.#state;
    if (!Number.isFinite(time) || !isPosition(seq)) {
      warnings.count('bad-sequence');
      return;
    }
    const origin = users.find(id);
    if (origin === undefined) return;
    head.advance(time);
    this.#learner.serve({ user: links.root(origin), origin, id, list, items, time, seq });
  }

  click({ user: id, item: itemId, list }: Reaction): boolean {
    const origin = this.#state.users.find(id);
    return origin !== undefined && this.#learner.learnOutcome(origin, itemId, list, 'positive');
  }

  dismiss({ user: id, item: itemId, list, seq }: Reaction): boolean {
    const { warnings, users, links, dismissals } = this.#state;
    if (!isPosition(seq)) return warnings.count('bad-sequence');
    if (!this.#items.hasRoomUnlisted(itemId)) return warnings.count('too-many-items');
    const origin = users.intern(id);
    this.#learner.learnOutcome(origin, itemId, list, 'negative');
    const item = this.#items.number(itemId);
    if (dismissals.add(links.root(origin), { item, seq, origin })) return true;
    return warnings.count('repeated-sequence');
  }
}
