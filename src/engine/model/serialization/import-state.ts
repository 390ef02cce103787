/** A model's state from bytes. */
import type { ItemFold } from '../apply/item-fold.ts';
import { logOrder } from '../primitives/log-order.ts';
import type { Steps } from '../primitives/steps.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Exported } from './export-state.ts';
import { decodeAdopted } from './inputs-section.ts';
import { decodeLearned } from './ranker-section.ts';
import { SECTION } from './sections.ts';
import { type DecodedState, decodingState, ModelStateUnreadableError } from './state-bytes.ts';

/** The parts of an empty model that a state is read into. */
export interface Imported extends Exported {
  itemFold: ItemFold;
}

/** Events, items or users in one step. */
const STEP = 512;

/** Reads what `exportState` wrote, and folds it. Throws {@link ModelStateUnreadableError}. */
export function* importingState({ state, learner, inputs, itemFold }: Imported, bytes: Uint8Array): Steps<void> {
  const { catalogue, users, traits, links, dismissals, impressions, head } = state;
  if (users.count > 0 || catalogue.ids.count > 0) {
    throw new ModelStateUnreadableError('The model is not empty. Read a state into an empty model.');
  }
  const read = yield* decodingState(bytes);
  const items: number[] = [];
  for (const known of read.items) {
    const item = itemFold.number(known.id);
    if (known.published && known.fields !== undefined) catalogue.publish(item, known.fields, known.listed);
    if (known.withdrawn) catalogue.withdraw(item, true);
    if (items.push(item) % STEP === 0) yield;
  }
  const numbers: number[] = [];
  for (const { id, traits: known } of read.users) {
    const number = users.intern(id);
    if (known !== undefined) traits.set(number, known);
    if (numbers.push(number) % STEP === 0) yield;
  }
  for (const { session, user, seq } of read.links) {
    links.add({ session: numbers[session]!, user: numbers[user]!, seq });
  }
  yield* importingEvents(state, read, items, numbers);
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
      throw new ModelStateUnreadableError(
        'The state holds another ranker. Read it with the ranker settings that it was written with.',
        { cause: err },
      );
    }
  }
  const quality = section(SECTION.prequential);
  if (quality && !learner.prequential.import(quality)) {
    throw new ModelStateUnreadableError(
      'The state has prequential windows of other sizes. Read it with the window settings that it was written with.',
    );
  }
  head.advance(read.clock);
}

function* importingEvents(
  state: ModelState,
  read: DecodedState,
  items: readonly number[],
  numbers: readonly number[],
): Steps<void> {
  const { histories, historyWriter, postings, statistics, links, catalogue } = state;
  const { users, items: taken, weights, negatives, times, seqs } = read.events;
  const roots = Int32Array.from(numbers, (number) => links.root(number));
  let done = 0;
  for (const event of logOrder(seqs)) {
    const origin = users[event]!;
    const user = roots[origin]!;
    const item = items[taken[event]!]!;
    const place = histories.length(user);
    const seq = seqs[event]!;
    histories.append(user, item, weights[event]!, negatives[event]!, times[event]!, seq, numbers[origin]!);
    postings.append(item, seq, user, place);
    if (++done % STEP === 0) yield;
  }
  historyWriter.updatePosition();
  yield* statistics.countingAll(histories, catalogue.ids.end, state.users.end);
}
