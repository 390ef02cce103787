/** A model's state as bytes. */
import type { RecordedInputs } from '../inputs/recorded-inputs.ts';
import type { Learner } from '../learn/learner.ts';
import type { Steps } from '../primitives/steps.ts';
import type { ModelState } from '../state/model-state.ts';
import { groupingByOrigin } from './by-origin.ts';
import { encodingImpressions } from './impressions-section.ts';
import { encodeAdopted } from './inputs-section.ts';
import { encodeLearned } from './ranker-section.ts';
import { SECTION } from './sections.ts';
import { sortingIds } from './sorted-ids.ts';
import { encodingState, type StateItem, type StateSection, type StateUser } from './state-bytes.ts';

/** The parts of a model that a state's bytes hold. */
export interface Exported {
  state: ModelState;
  learner: Learner;
  inputs: RecordedInputs;
}

/** Events, items or users in one step. */
const STEP = 512;

/**
 * The state in steps, during which nothing may change the model. Answers do not change it.
 *
 * @param learned whether to write what was learned in the order of the log
 */
export function* exportingState({ state, learner, inputs }: Exported, learned: boolean): Steps<Buffer> {
  const { head, histories, users, traits } = state;
  const { order, ends } = yield* groupingByOrigin(histories, users.end);
  const items = yield* itemsOf(state, order, learned);
  const itemPlaces = new Int32Array(state.catalogue.ids.end).fill(-1);
  for (const [place, { number }] of items.entries()) itemPlaces[number] = place;
  const userIds = yield* sortingIds(users.inUse());
  const userPlaces = new Map<number, number>();
  const stateUsers: StateUser[] = [];
  for (const id of userIds) {
    const number = users.find(id)!;
    userPlaces.set(number, userPlaces.size);
    const from = number === 0 ? 0 : ends[number - 1]!;
    if (stateUsers.push({ id, traits: traits.get(number), from, end: ends[number]! }) % STEP === 0) yield;
  }
  const events = { order, itemPlaces, columns: histories };
  const links = state.links.claims.map(({ session, user, seq }) => ({
    session: userPlaces.get(session)!,
    user: userPlaces.get(user)!,
    seq,
  }));
  yield;
  const itemPlace = (item: number): number => itemPlaces[item]!;
  const userPlace = (user: number): number => userPlaces.get(user)!;
  const sections: StateSection[] = [{ name: SECTION.dismissals, bytes: state.dismissals.encode(itemPlace, userPlace) }];
  yield;
  if (learned) {
    const impressions = yield* encodingImpressions(state.impressions, itemPlace, userPlace);
    sections.push({ name: SECTION.impressions, bytes: impressions });
    sections.push({ name: SECTION.prequential, bytes: learner.prequential.export() });
    yield;
    sections.push({ name: SECTION.ranker, bytes: encodeLearned(learner.learned()) });
    yield;
  }
  const adopted = inputs.export();
  if (adopted.length > 0) sections.push({ name: SECTION.inputs, bytes: encodeAdopted(adopted) });
  return yield* encodingState({ clock: head.clock, items, users: stateUsers, events, links, sections });
}

/**
 * Items of a state in the order of their ids. An item that only a forgotten user's events named has a number, but is
 * not part of the state.
 *
 * @param order rows of the histories' columns
 */
function* itemsOf(state: ModelState, order: Int32Array, learned: boolean): Steps<(StateItem & { number: number })[]> {
  const { catalogue, histories, users, dismissals, impressions } = state;
  const { ids } = catalogue;
  const used = new Uint8Array(ids.end);
  for (let i = 0; i < order.length; i++) {
    used[histories.items[order[i]!]!] = 1;
    if (i % (STEP * STEP) === 0) yield;
  }
  for (let user = 0; user < users.end; user++) {
    for (const { item } of dismissals.of(user)) used[item] = 1;
    if (user % (STEP * STEP) === 0) yield;
  }
  if (learned) {
    let lists = 0;
    for (const { items } of impressions.all()) {
      for (const item of items) used[item] = 1;
      if (++lists % STEP === 0) yield;
    }
  }
  const found: (StateItem & { number: number })[] = [];
  let done = 0;
  for (const id of yield* sortingIds(ids.inUse())) {
    if (++done % STEP === 0) yield;
    const number = ids.find(id)!;
    const published = catalogue.isPublished(number);
    const withdrawn = catalogue.isWithdrawn(number);
    if (!published && !withdrawn && used[number] === 0) continue;
    const known = catalogue.item(number);
    found.push({ id, number, published, withdrawn, listed: known?.listed ?? 0, fields: known?.fields });
  }
  return found;
}
