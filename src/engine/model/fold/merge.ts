/** Adds one model's state to another's. */
import type { Learner } from '../learn/learner.ts';
import type { ModelState } from '../state/model-state.ts';
import type { ItemFold } from './item-fold.ts';

export interface Merged {
  state: ModelState;
  learner: Learner;
}

/** See {@link Model.merge}. */
export function mergeModels(own: Merged & { itemFold: ItemFold }, other: Merged): void {
  const { catalogue, statistics, popularity, users, links, histories, historyWriter } = own.state;
  const { postings, dismissals, traits, head } = own.state;
  const from = other.state;
  if (from.histories.events > histories.events) own.learner.restore(other.learner);
  const here = Int32Array.from(from.catalogue.ids.ids, (id) => own.itemFold.number(id));
  for (let item = 0; item < here.length; item++) {
    const known = from.catalogue.item(item);
    if (known?.fields !== undefined) catalogue.publish(here[item]!, known.fields, known.listed);
    if (from.catalogue.isWithdrawn(item)) catalogue.withdraw(here[item]!, true);
  }
  statistics.merge(from.statistics, here.length, (item) => here[item]!);
  popularity.reset();
  const user = (number: number): number => users.intern(from.users.id(number));
  for (const claim of from.links.claims) {
    links.add({ session: user(claim.session), user: user(claim.user), seq: claim.seq });
  }
  for (let number = 0; number < from.users.end; number++) {
    const events = from.histories.read(number);
    if (events.length === 0) continue;
    const root = user(number);
    const taken = events.map((event) => ({ ...event, item: here[event.item]!, origin: user(event.origin) }));
    histories.write(root, taken);
    for (const [place, { item, seq }] of taken.entries()) postings.append(item, seq, root, place);
  }
  historyWriter.updatePosition();
  for (let number = 0; number < from.users.end; number++) {
    for (const { item, seq, origin } of from.dismissals.of(number)) {
      const by = user(origin);
      dismissals.add(links.root(by), { item: here[item]!, seq, origin: by });
    }
  }
  for (const [number, known] of from.traits) traits.set(user(number), known);
  head.advance(from.head.clock);
}
