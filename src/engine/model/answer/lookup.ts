/** What the model knows of one item or one user. */
import type { ItemId, UserId } from '../../../bus/event/ids.ts';
import type { ItemData } from '../../../bus/event/types.ts';
import { FEATURES } from '../candidates/features.ts';
import type { ModelState } from '../state/model-state.ts';
import { FULL } from '../state/statistics.ts';
import type { Traits } from '../state/traits.ts';

/** One event of a history. */
export interface HistoryEntry {
  item: ItemId;
  weight: number;
  time: number;
  seq: number;
}

/** What the model holds under one id. */
export interface PersonalData {
  history: { seq: number; item: ItemId; weight: number; negative: number; time: number }[];
  dismissed: { seq: number; item: ItemId }[];
  /** Impressions; the model keeps `features` numbers of each item. */
  shown: { seq: number; list: string; items: ItemId[]; features: number }[];
}

/** See {@link Model.item}. */
export function lookUpItem({ catalogue }: ModelState, id: ItemId): { fields: ItemData; listed: number } | undefined {
  const number = catalogue.ids.find(id);
  const known = number === undefined ? undefined : catalogue.item(number);
  return known?.fields === undefined ? undefined : { fields: known.fields, listed: known.listed };
}

/** See {@link Model.taken}. */
export function takenOf({ catalogue, statistics }: ModelState, id: ItemId): number {
  const number = catalogue.ids.find(id);
  return number === undefined ? 0 : (statistics.total[number] ?? 0) / FULL;
}

/** See {@link Model.traitsOf}. */
export function lookUpTraits({ users, links, traits }: ModelState, id: UserId): Traits | undefined {
  const known = users.find(id);
  return known === undefined ? undefined : (traits.get(links.root(known)) ?? traits.get(known));
}

/** See {@link Model.history}. */
export function lookUpHistory(
  { users, links, histories, catalogue }: ModelState,
  id: UserId,
  n: number,
): HistoryEntry[] {
  const known = users.find(id);
  if (known === undefined) return [];
  const user = links.root(known);
  const start = histories.start(user);
  const events: HistoryEntry[] = [];
  for (let at = start + histories.length(user) - 1; at >= start && events.length < n; at--) {
    events.push({
      item: catalogue.ids.id(histories.items[at]!) as ItemId,
      weight: histories.weights[at]!,
      time: histories.times[at]!,
      seq: histories.seqs[at]!,
    });
  }
  return events;
}

/** See {@link Model.personalData}. */
export function lookUpPersonalData(state: ModelState, id: UserId): PersonalData {
  const { users, links, histories, dismissals, impressions, catalogue } = state;
  const origin = users.find(id);
  if (origin === undefined) return { history: [], dismissed: [], shown: [] };
  const user = links.root(origin);
  const item = (number: number): ItemId => catalogue.ids.id(number) as ItemId;
  return {
    history: histories
      .read(user)
      .filter((event) => event.origin === origin)
      .map((event) => ({
        seq: event.seq,
        item: item(event.item),
        weight: event.weight,
        negative: event.negative,
        time: event.time,
      })),
    dismissed: dismissals
      .of(user)
      .filter((dismissal) => dismissal.origin === origin)
      .map((dismissal) => ({ seq: dismissal.seq, item: item(dismissal.item) })),
    shown: [...impressions.all()]
      .filter((impression) => impression.origin === origin)
      .map(({ seq, list, items }) => ({ seq, list, items: [...items].map(item), features: FEATURES.length })),
  };
}
