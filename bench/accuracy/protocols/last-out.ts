import type { DataSet } from '../data/data-set.ts';
import type { Plan, Question } from './plan.ts';

export interface LastOutOptions {
  /**
   * Items at the end of each history that are not learned. 1: all but the target is. 2: the one before the target is
   * part of the question only, as papers on sequences have it.
   */
  held: 1 | 2;
  /** To choose settings: asks for the last but one, with nothing learned or given of the last. */
  validate: boolean;
}

/**
 * Each user's last item is asked for once all the rest is learned. Users with fewer events than are held out, and one to
 * go by, are learned in whole.
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
