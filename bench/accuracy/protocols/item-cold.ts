import { createRandom } from '../../../src/demo/random.ts';
import type { DataSet } from '../data/data-set.ts';
import { shuffled } from '../shuffle.ts';
import type { Plan } from './plan.ts';

export interface ItemColdOptions {
  seed: number;
  /** Share of the items with interactions that the protocol holds out. */
  share: number;
}

/**
 * Items without interactions: the protocol takes a random share of the items out of the training and keeps their catalogue
 * entries. Then recommenders rank only these items, for every user who took one of them.
 */
export function itemCold({ entries }: DataSet, { seed, share }: ItemColdOptions): Plan {
  const taken = new Set<number>();
  for (const { interaction } of entries) if (interaction) taken.add(interaction.item);
  const all = [...taken].sort((a, b) => a - b);
  const held = shuffled(all, createRandom(seed)).slice(0, Math.floor(all.length * share));
  const cold = new Set(held);
  const targets = new Map<number, Set<number>>();
  const known = new Set<number>();
  const learned = entries.filter(({ interaction }) => {
    if (!interaction) return true;
    const { user, item } = interaction;
    if (!cold.has(item)) {
      known.add(user);
      return true;
    }
    const own = targets.get(user);
    if (own === undefined) targets.set(user, new Set([item]));
    else own.add(item);
    return false;
  });
  const questions = [...targets]
    .filter(([user]) => known.has(user))
    .sort(([a], [b]) => a - b)
    .map(([user, own]) => ({ after: learned.length, user, targets: [...own], history: undefined }));
  return {
    protocol: 'item-cold',
    entries: learned,
    questions,
    universe: held.sort((a, b) => a - b),
    repeats: 0,
  };
}
