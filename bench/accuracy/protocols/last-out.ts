import type { DataSet } from '../data/data-set.ts';
import type { Plan, Question } from './plan.ts';

export interface LastOutOptions {
  /**
   * Items at the end of each history that the protocol does not learn. 1: it learns all but the target. 2: the item
   * before the target is only part of the question, as in papers on sequences.
   */
  held: 1 | 2;
  /** To choose settings: the target is the last item but one, and the protocol neither learns nor gives the last. */
  validate: boolean;
}

/**
 * The target is the last item of each user, after all other events are learned. If a user has no event besides those held
 * out, the protocol learns all events of the user.
 */
export function lastOut({ entries }: DataSet, { held, validate }: LastOutOptions): Plan {
  const places = new Map<number, number[]>();
  for (const [at, { interaction }] of entries.entries()) {
    if (!interaction) continue;
    const own = places.get(interaction.user);
    if (own === undefined) places.set(interaction.user, [at]);
    else own.push(at);
  }
  const itemAt = (at: number): number => entries[at]?.interaction?.item as number;
  const out = validate ? 2 : held;
  const left = new Set<number>();
  const asked: Omit<Question, 'after'>[] = [];
  let repeats = 0;
  for (const [user, own] of places) {
    if (own.length <= out) continue;
    for (const at of own.slice(-out)) left.add(at);
    const end = own.length - (validate ? 2 : 1);
    const history = own.slice(0, end).map(itemAt);
    const target = itemAt(own[end] as number);
    if (history.includes(target)) repeats++;
    else asked.push({ user, targets: [target], history: !validate && held === 2 ? history : undefined });
  }
  const learned = entries.filter((_, at) => !left.has(at));
  const questions = asked.map((question) => ({ ...question, after: learned.length }));
  return { protocol: 'last-out', entries: learned, questions, universe: 'all', repeats };
}
