/**
 * The explanation of a listed item for people: the largest terms in words, and the rest as one term, so that all of them
 * still add up to the score. A score may have a hundred terms; `explain=full` gives each.
 */
import { type Model, SIGNAL } from '../model/mod.ts';
import type { ListReason } from '../rerank/rerank.ts';
import type { RankingAnswer } from './lists.ts';
import { sum, wordsOf } from './why-words.ts';

/** Terms that an explanation names. */
export const TERMS_NAMED = 9;

/** How much of a list's explanation a request asks for. */
export type Explain = boolean | 'full';

/** A term of an explanation; `terms` of the rest: how many there are. */
export type Term = Omit<ListReason, 'terms'> & {
  /** The signals of a merged term, the largest part first. */
  signals?: string[];
  says?: string;
  terms?: string[] | number;
};

/** An answer whose items have an explanation of either form. */
export type Explained = Omit<RankingAnswer, 'items'> & {
  items: (Omit<RankingAnswer['items'][number], 'reasons'> & { reasons?: readonly (Term | ListReason)[] })[];
};

/** Nothing is known of how often; an explanation of one item says it (freshet.engine.explain). */
const UNCOUNTED = { pairs: [], counts: undefined };

/** The explanation that a request asks for. */
export function explaining(model: Pick<Model, 'item'>) {
  const words = wordsOf(model);
  const merged = (parts: readonly ListReason[]): Term => {
    const [largest] = parts as [ListReason];
    const contribution = sum(parts);
    const says = parts.map((part) => words.term(part, UNCOUNTED)).join('; ');
    return parts.length === 1
      ? { ...largest, says }
      : { ...largest, contribution, signals: parts.map(({ signal }) => signal), says };
  };

  /** The largest terms, those by the same own item as one, then the rest. */
  return (reasons: readonly ListReason[]): Term[] => {
    const parts = new Map<string, ListReason[]>();
    for (const reason of [...reasons].sort(bySize)) {
      // Own events of one item give several terms; any other signal stands for itself.
      const key = reason.item === undefined ? `signal ${reason.signal}` : `item ${reason.item}`;
      const known = parts.get(key);
      if (known) known.push(reason);
      else parts.set(key, [reason]);
    }
    const all = [...parts.values()].map(merged).sort(bySize);
    // What the request or an operator asked for has a term of its own, however small.
    const terms = [...all.filter(isOfRule), ...all.filter((term) => !isOfRule(term))];
    const named = terms.slice(0, TERMS_NAMED).sort((a, b) => b.contribution - a.contribution);
    const rest = terms.slice(TERMS_NAMED);
    if (rest.length === 0) return named;
    return [
      ...named,
      { signal: 'rest', contribution: sum(rest), terms: rest.length, says: `${rest.length} further terms` },
    ];
  };
}

const OF_MODEL: ReadonlySet<string> = new Set(Object.values(SIGNAL));
const isOfRule = ({ signal }: Term): boolean => !OF_MODEL.has(signal);

const bySize = (a: { contribution: number }, b: { contribution: number }): number =>
  Math.abs(b.contribution) - Math.abs(a.contribution);
