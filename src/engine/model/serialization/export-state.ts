/** A model's state as bytes. */
import type { RecordedInputs } from '../inputs/recorded-inputs.ts';
import type { Learner } from '../learn/learner.ts';
import type { ModelState } from '../state/model-state.ts';
import { encodeAdopted } from './inputs-section.ts';
import { encodeLearned } from './ranker-section.ts';
import { SECTION } from './sections.ts';
import { encodeState, type StateItem, type StateSection, type StateUser } from './state-bytes.ts';

/** The parts of a model that a state's bytes hold. */
export interface Exported {
  state: ModelState;
  learner: Learner;
  inputs: RecordedInputs;
}

/** @param learned whether to write what was learned in the order of the log */
export function exportState({ state, learner, inputs }: Exported, learned: boolean): Buffer {
  const { head, histories, users, traits } = state;
  const { order, ends } = histories.byOrigin(users.end);
  const items = itemsOf(state, order, learned);
  const itemPlaces = new Int32Array(state.catalogue.ids.end).fill(-1);
  for (const [place, { number }] of items.entries()) itemPlaces[number] = place;
  const userIds = users.sorted();
  const userPlaces = new Map(userIds.map((id, place) => [users.find(id)!, place]));
  const stateUsers = userIds.map((id): StateUser => {
    const number = users.find(id)!;
    const from = number === 0 ? 0 : ends[number - 1]!;
    return { id, traits: traits.get(number), from, end: ends[number]! };
  });
  const { items: taken, weights, negatives, times, seqs } = histories;
  const events = { order, items: taken, itemPlaces, weights, negatives, times, seqs };
  const links = state.links.claims.map(({ session, user, seq }) => ({
    session: userPlaces.get(session)!,
    user: userPlaces.get(user)!,
    seq,
  }));
  const itemPlace = (item: number): number => itemPlaces[item]!;
  const userPlace = (user: number): number => userPlaces.get(user)!;
  const sections: StateSection[] = [{ name: SECTION.dismissals, bytes: state.dismissals.encode(itemPlace, userPlace) }];
  if (learned) {
    sections.push(
      { name: SECTION.impressions, bytes: state.impressions.encode(itemPlace, userPlace) },
      { name: SECTION.prequential, bytes: learner.prequential.export() },
      { name: SECTION.ranker, bytes: encodeLearned(learner.learned()) },
    );
  }
  const adopted = inputs.export();
  if (adopted.length > 0) sections.push({ name: SECTION.inputs, bytes: encodeAdopted(adopted) });
  return encodeState({ clock: head.clock, items, users: stateUsers, events, links, sections });
}

/**
 * Items of a state in the order of their ids. An item that only a forgotten user's events named has a number, but is
 * not part of the state.
 *
 * @param order rows of the histories' columns
 */
function itemsOf(state: ModelState, order: Int32Array, learned: boolean): (StateItem & { number: number })[] {
  const { catalogue, histories, users, dismissals, impressions } = state;
  const used = new Set<number>();
  for (let i = 0; i < order.length; i++) used.add(histories.items[order[i]!]!);
  for (let user = 0; user < users.end; user++) for (const { item } of dismissals.of(user)) used.add(item);
  if (learned) for (const { items } of impressions.all()) for (const item of items) used.add(item);
  const { ids } = catalogue;
  return ids.sorted().flatMap((id) => {
    const number = ids.find(id)!;
    const published = catalogue.isPublished(number);
    const withdrawn = catalogue.isWithdrawn(number);
    if (!published && !withdrawn && !used.has(number)) return [];
    const known = catalogue.item(number);
    return [{ id, number, published, withdrawn, listed: known?.listed ?? 0, fields: known?.fields }];
  });
}
