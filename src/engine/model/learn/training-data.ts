/** Data for training outside the fold. Ids decide its order, so the same state gives the same data. */

import { embeddingVector, featureHash } from '../inputs/features.ts';
import type { InputKind, MapKind } from '../inputs/kinds.ts';
import type { RecordedInputs } from '../inputs/recorded-inputs.ts';
import type { Histories } from '../state/histories.ts';
import type { ModelState } from '../state/model-state.ts';
import { FULL } from '../state/statistics.ts';

/** Data of one training; structured-clonable. Items and users are in the order of their ids. */
export interface TrainingData {
  kind: InputKind;
  /** Where an item's features begin, one more than there are items. */
  featureStarts: Int32Array;
  /** Hashes of features, ascending within an item. */
  features: Uint32Array;
  /** Length of embeddings; 0: no item has one. */
  embeddingSize: number;
  /** Vectors, items x embeddingSize; zeros for an item without an embedding of this size. */
  embeddings: Float32Array;
  /** Full interactions with each item. */
  taken: Float32Array;
  /** Where a user's history begins, one more than there are users. */
  historyStarts: Int32Array;
  /** Items of histories, oldest first, each once in a history. */
  histories: Int32Array;
  /** Bytes of the input in force, from which the training may go on. */
  previous: Uint8Array | undefined;
}

export interface TrainingConfig {
  /** Most users whose histories are read; ids decide which. */
  users: number;
  /** Newest items of each history. */
  back: number;
  /** Least number of described items that users took. */
  leastItems: number;
  /** Least number of histories with two such items. */
  leastUsers: number;
}

export const TRAINING_DEFAULTS: TrainingConfig = { users: 20_000, back: 200, leastItems: 20, leastUsers: 20 };

/** Data of the present position; undefined if there is too little. */
export function trainingDataOf(
  kind: MapKind,
  { catalogue, users, statistics, histories }: ModelState,
  inputs: RecordedInputs,
  config: TrainingConfig,
): TrainingData | undefined {
  const itemIds = catalogue.ids.ids;
  const items: number[] = [];
  for (let item = 0; item < itemIds.length; item++)
    if (statistics.total[item]! > 0 && inputs.featuresOf(item) !== undefined) items.push(item);
  if (items.length < config.leastItems) return undefined;
  items.sort((a, b) => (itemIds[a]! < itemIds[b]! ? -1 : 1));
  const places = new Int32Array(itemIds.length).fill(-1);
  for (const [place, item] of items.entries()) places[item] = place;

  const chosen = chosenUsers(users.ids, histories, config.users);
  const historyStarts = [0];
  const taken: number[] = [];
  for (const user of chosen) {
    const start = histories.start(user);
    const own = new Set<number>();
    for (let at = start + histories.length(user) - 1; at >= start && own.size < config.back; at--) {
      const place = places[histories.items[at]!]!;
      if (place >= 0) own.add(place);
    }
    if (own.size < 2) continue;
    for (const place of [...own].reverse()) taken.push(place);
    historyStarts.push(taken.length);
  }
  if (historyStarts.length <= config.leastUsers) return undefined;

  const featureStarts = new Int32Array(items.length + 1);
  for (const [place, item] of items.entries())
    featureStarts[place + 1] = featureStarts[place]! + inputs.featuresOf(item)!.length;
  const features = new Uint32Array(featureStarts[items.length]!);
  const embeddingSize = inputs.embeddingSize();
  const embeddings = new Float32Array(items.length * embeddingSize);
  for (const [place, item] of items.entries()) {
    features.set(inputs.featuresOf(item)!, featureStarts[place]!);
    const numbers = embeddingVector(inputs.embeddingOf(item), embeddingSize);
    if (numbers !== undefined) embeddings.set(numbers, place * embeddingSize);
  }
  return {
    kind,
    featureStarts,
    features,
    embeddingSize,
    embeddings,
    taken: Float32Array.from(items, (item) => statistics.total[item]! / FULL),
    historyStarts: Int32Array.from(historyStarts),
    histories: Int32Array.from(taken),
    previous: inputs.inForce(kind)?.bytes,
  };
}

/**
 * Users with a history, in the order of their ids. If there are more than `most`, those whose ids have the least
 * hashes.
 */
function chosenUsers(ids: readonly string[], histories: Histories, most: number): number[] {
  let users: number[] = [];
  for (let user = 0; user < ids.length; user++) if (histories.length(user) > 1) users.push(user);
  if (users.length > most) {
    const hashes = Uint32Array.from(users, (user) => featureHash(ids[user]!));
    const last = hashes.slice().sort()[most - 1]!;
    users = users.filter((_, at) => hashes[at]! <= last);
  }
  return users.sort((a, b) => (ids[a]! < ids[b]! ? -1 : 1));
}
