/** A model's state from bytes. */
import type { ItemFold } from '../fold/item-fold.ts';
import { logOrder } from '../primitives/log-order.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Exported } from './export-state.ts';
import { decodeAdopted } from './inputs-section.ts';
import { decodeLearned } from './ranker-section.ts';
import { SECTION } from './sections.ts';
import { type DecodedState, decodeState, ModelStateUnreadableError } from './state-bytes.ts';

/** All that a state's bytes are read into; it must be empty. */
export interface Imported extends Exported {
  itemFold: ItemFold;
}

/** Reads what `exportState` wrote, and folds it. Throws {@link ModelStateUnreadableError}. */
export function importState({ state, learner, inputs, itemFold }: Imported, bytes: Uint8Array): void {
  const { catalogue, users, traits, links, dismissals, impressions, head } = state;
  if (users.count > 0 || catalogue.ids.count > 0) {
    throw new ModelStateUnreadableError('a state is read into an empty model only');
  }
  const read = decodeState(bytes);
  const items = read.items.map((known) => {
    const item = itemFold.number(known.id);
    if (known.published && known.fields !== undefined) catalogue.publish(item, known.fields, known.listed);
    if (known.withdrawn) catalogue.withdraw(item, true);
    return item;
  });
  const numbers = read.users.map(({ id, traits: known }) => {
    const number = users.intern(id);
    if (known !== undefined) traits.set(number, known);
    return number;
  });
  for (const { session, user, seq } of read.links) {
    links.add({ session: numbers[session]!, user: numbers[user]!, seq });
  }
  importEvents(state, read, items, numbers);
  const section = (wanted: string): Buffer | undefined => read.sections.find(({ name }) => name === wanted)?.bytes;
  const adopted = section(SECTION.inputs);
  if (adopted !== undefined) inputs.import(decodeAdopted(adopted));
  const item = (place: number): number => items[place]!;
  const user = (place: number): number => numbers[place]!;
  const dismissed = section(SECTION.dismissals);
  if (dismissed !== undefined) dismissals.decode(dismissed, item, user, (origin) => links.root(origin));
  const shown = section(SECTION.impressions);
  if (shown !== undefined) impressions.decode(shown, item, user);
  const learned = section(SECTION.ranker);
  if (learned !== undefined) {
    try {
      learner.restoreLearned(decodeLearned(learned));
    } catch (err) {
      throw new ModelStateUnreadableError('the state is of a model with another ranker', { cause: err });
    }
  }
  const quality = section(SECTION.prequential);
  if (quality && !learner.prequential.import(quality)) {
    throw new ModelStateUnreadableError('the state has prequential windows of other sizes than the configured ones');
  }
  head.advance(read.clock);
}

function importEvents(
  state: ModelState,
  read: DecodedState,
  items: readonly number[],
  numbers: readonly number[],
): void {
  const { histories, historyWriter, postings, statistics, links, catalogue } = state;
  const { users, items: taken, weights, negatives, times, seqs } = read.events;
  const roots = Int32Array.from(numbers, (number) => links.root(number));
  for (const event of logOrder(seqs)) {
    const origin = users[event]!;
    const user = roots[origin]!;
    const item = items[taken[event]!]!;
    const place = histories.length(user);
    const seq = seqs[event]!;
    histories.append(user, item, weights[event]!, negatives[event]!, times[event]!, seq, numbers[origin]!);
    postings.append(item, seq, user, place);
  }
  historyWriter.updatePosition();
  statistics.countAll(histories, catalogue.ids.end, state.users.end);
}
