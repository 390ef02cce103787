/** An explanation in words: each term, and the whole as sentences. */
import { itemId } from '../../bus/event/ids.ts';
import type { Examined, Model } from '../model/mod.ts';
import type { ListReason, RerankedItem } from '../rerank/rerank.ts';
import type { WhyAnswer } from './why.ts';

/** Terms that have a sentence each; the others share one, with their sum. */
const TERMS_IN_WORDS = 8;

/** How often users took an item, and took it with items of the history; undefined: unknown. */
type Counted = Pick<Examined, 'pairs'> & { counts: Examined['counts'] | undefined };

/** Puts an explanation into words, with the titles that the catalogue has. */
export function wordsOf(model: Pick<Model, 'item'>) {
  const name = (item: string): string => {
    const title = model.item(itemId(item))?.fields.title;
    return title === undefined || title === item ? item : `${item} (${title})`;
  };
  const own = ({ item, seq }: { item?: string; seq?: number }): string =>
    item === undefined ? 'the history' : `${name(item)}${seq === undefined ? '' : `, taken at sequence ${seq}`}`;

  /** What a term says, with how often where that is known. */
  function term(reason: ListReason, { pairs, counts }: Counted): string {
    const pair = pairs.find(({ item }) => item === reason.item);
    switch (reason.signal) {
      case 'directed':
        return `users took it soon before or after ${own(reason)}${pair ? ` (${short(pair.after)} times after, ${short(pair.before)} times before)` : ''}`;
      case 'together':
        return `users take it together with ${own(reason)}${pair ? ` (${short(pair.together)} times)` : ''}`;
      case 'evidence':
        return `users take it after ${own(reason)} more often than its popularity alone explains`;
      case 'neighbours':
        return 'users with a similar history took it next';
      case 'content': {
        const common = (reason.terms ?? []).map((word) => word.replace(/^=/, '')).join(', ');
        return `it is like ${reason.item === undefined ? 'the traits of the user' : own(reason)}${common ? `: ${common}` : ''}`;
      }
      case 'whitened':
      case 'towers':
        return 'its features match those of the history, by weights trained on all users';
      case 'popular':
        return `its popularity, recent interactions first${counts ? ` (${short(counts.taken)} interactions in total)` : ''}`;
      case 'new':
        return 'it is new';
      case 'context:device':
      case 'context:place':
      case 'context:hour':
        return `users take it ${reason.contribution < 0 ? 'less' : 'more'} often in these circumstances than elsewhere (${reason.signal.slice('context:'.length)})`;
      case 'boost':
        return `a boost ${reason.contribution < 0 ? 'moves it down' : 'moves it up'}`;
      case 'unlike':
        return 'it is like the items that the list avoids (unlike)';
      case 'disliked':
        return counts
          ? `users rated it low (${short(counts.negative)} times) or dismissed it (${counts.dismissed} times)`
          : 'users rated it low or dismissed it';
      default:
        return `the rule ${reason.signal}`;
    }
  }

  function head(answer: Omit<WhyAnswer, 'sentences'>, seq: number | undefined, list: readonly RerankedItem[]): string {
    const { user, item, n, rank, place, candidates, score } = answer;
    const it = name(item);
    const when = seq === undefined ? '' : ` at sequence ${seq}`;
    switch (answer.standing) {
      case 'listed':
        return `${it} is at place ${rank} in the list of ${user}. It has a score of ${fixed(score)}; the list had ${candidates} candidates.`;
      case 'below': {
        const last = list[Math.min(n, list.length) - 1];
        if (rank === null && place !== null && place <= list.length)
          return `${it} is not in the list of ${user}: it is at place ${place} of ${candidates} candidates with a score of ${fixed(score)}, and re-ranking chose other items.`;
        return `${it} is not among the first ${n} of ${user}: it is at place ${rank ?? place}${rank === null ? ` of ${candidates} candidates` : ''} with a score of ${fixed(score)}${last ? `; the last of the ${Math.min(n, list.length)} has ${fixed(last.score)}` : ''}.`;
      }
      case 'seen':
        return `${it} is not in the list of ${user}: ${user} took it already${when}, and the list leaves out taken items.`;
      case 'dismissed':
        return `${it} is not in the list of ${user}: ${user} dismissed it${when}.`;
      case 'withdrawn':
        return `${it} is in no list: it is withdrawn.`;
      case 'unpublished':
        return `${it} is in no list: it is not in the catalogue, and engine.serve_unpublished is off.`;
      case 'filtered':
        return `${it} is not in the list: it does not match a filter (lists.filter, or the filter of the request).`;
      case 'excluded':
        return `${it} is not in the list: the request excludes it by name.`;
      case 'not-found':
        return `${it} is not among the ${candidates} candidates of ${user}: no signal proposed it (interactions with the user's items, likeness, popularity, newness).`;
    }
  }

  return {
    term,
    sentences: (
      answer: Omit<WhyAnswer, 'sentences'>,
      seq: number | undefined,
      list: readonly RerankedItem[],
    ): string[] => {
      const sentences = [head(answer, seq, list)];
      for (const { contribution, says } of answer.terms.slice(0, TERMS_IN_WORDS))
        sentences.push(`${signed(contribution)}: ${says}.`);
      const rest = answer.terms.slice(TERMS_IN_WORDS);
      if (rest.length > 0) sentences.push(`${signed(sum(rest))}: ${rest.length} further terms.`);
      const { pairs } = answer.statistics;
      if (answer.standing === 'not-found' && pairs.length > 0)
        sentences.push(
          `Users who took it also took ${pairs
            .map(({ item }) => name(item))
            .slice(0, 3)
            .join(', ')}, but too rarely.`,
        );
      return sentences;
    },
  };
}

export const sum = (terms: readonly { contribution: number }[]): number =>
  terms.reduce((all, { contribution }) => all + contribution, 0);
const short = (value: number): string => String(Math.round(value * 100) / 100);
const fixed = (value: number | null): string => (value ?? 0).toFixed(3);
const signed = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
