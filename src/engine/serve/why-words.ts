/** An explanation in words: each term, and the whole as sentences. */
import { itemId } from '../../bus/event/ids.ts';
import type { Examined, Model } from '../model/mod.ts';
import type { ListReason, RerankedItem } from '../rerank/rerank.ts';
import type { WhyAnswer } from './why.ts';

/** Terms that have a sentence each; the others share one, with their sum. */
const TERMS_IN_WORDS = 8;

/** Puts an explanation into words, with the titles that the catalogue has. */
export function wordsOf(model: Model) {
  const name = (item: string): string => {
    const title = model.item(itemId(item))?.fields.title;
    return title === undefined || title === item ? item : `${item} (${title})`;
  };
  const own = ({ item, seq }: { item?: string; seq?: number }): string =>
    item === undefined ? 'the history' : `${name(item)}${seq === undefined ? '' : `, taken at sequence ${seq}`}`;

  function term(reason: ListReason, { pairs, counts }: Examined): string {
    const pair = pairs.find(({ item }) => item === reason.item);
    switch (reason.signal) {
      case 'directed':
        return `people who took ${own(reason)}, took it soon after or before${pair ? ` (after ${short(pair.after)}, before ${short(pair.before)})` : ''}`;
      case 'together':
        return `people take it together with ${own(reason)}${pair ? ` (${short(pair.together)} times)` : ''}`;
      case 'evidence':
        return `it follows ${own(reason)}, more often than how much it is taken would make it`;
      case 'neighbours':
        return 'people with a similar history took it next';
      case 'content': {
        const common = (reason.terms ?? []).map((word) => word.replace(/^=/, '')).join(', ');
        return `it is like ${reason.item === undefined ? 'what is known of the user' : own(reason)}${common ? `: ${common}` : ''}`;
      }
      case 'whitened':
      case 'towers':
        return 'its features go with those of the history, by what was trained on many people';
      case 'popular':
        return `how much, and how lately, people take it (${short(counts.taken)} interactions in all)`;
      case 'new':
        return 'it is new';
      case 'context:device':
      case 'context:place':
      case 'context:hour':
        return `it is taken ${reason.contribution < 0 ? 'less' : 'more'} than elsewhere in these circumstances (${reason.signal.slice('context:'.length)})`;
      case 'boost':
        return `a boost ${reason.contribution < 0 ? 'moves it down' : 'moves it up'}`;
      case 'unlike':
        return 'it is like what the list is to keep away from';
      case 'disliked':
        return `people rated it low or put it away (${short(counts.negative)} and ${counts.dismissed} times)`;
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
        return `${it} stands at place ${rank} in the list of ${user}, chosen from ${candidates} candidates, with a score of ${fixed(score)}.`;
      case 'below': {
        const last = list[Math.min(n, list.length) - 1];
        if (rank === null && place !== null && place <= list.length)
          return `${it} is not in the list of ${user}: it stands at place ${place} of ${candidates} candidates with a score of ${fixed(score)}, and the rules after ranking chose others.`;
        return `${it} is not among the first ${n} of ${user}: it stands at place ${rank ?? place}${rank === null ? ` of ${candidates} candidates` : ''} with a score of ${fixed(score)}${last ? `; the last of the ${Math.min(n, list.length)} has ${fixed(last.score)}` : ''}.`;
      }
      case 'seen':
        return `${it} is not in the list of ${user}: they took it already${when}, and what was taken is left out.`;
      case 'dismissed':
        return `${it} is not in the list of ${user}: they put it away${when}.`;
      case 'withdrawn':
        return `${it} is in nobody's list: it is withdrawn.`;
      case 'unpublished':
        return `${it} is in nobody's list: it is not in the catalogue, and engine.serve_unpublished is off.`;
      case 'filtered':
        return `${it} is not in the list: a filter (lists.filter, or one that was asked with) does not let it pass.`;
      case 'excluded':
        return `${it} was left out by name.`;
      case 'not-found':
        return `${it} was not among the ${candidates} candidates of ${user}: of what people did with the user's items, of likeness, popularity and newness nothing put it there.`;
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
          `It was taken by people who took ${pairs
            .map(({ item }) => name(item))
            .slice(0, 3)
            .join(', ')}, but too seldom.`,
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
