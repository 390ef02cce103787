import type { DataSet } from '../data/data-set.ts';
import type { Plan, Question } from './plan.ts';

export interface PrequentialOptions {
  /** Share of the interactions that is only learned. */
  warm: number;
  /** To choose settings: asks from this share on, and stops at `warm`, so that what is measured stays unseen. */
  tune?: number | undefined;
}

/**
 * Test, then train (Gama, Sebastião and Rodrigues 2013, "On evaluating stream learning algorithms"): past the warm share
 * each event is asked for before it is learned, if its user has a history and its item has been seen in the stream.
 */
export function prequential({ entries }: DataSet, { warm, tune }: PrequentialOptions): Plan {
  const total = entries.reduce((sum, { interaction }) => sum + (interaction ? 1 : 0), 0);
  const first = Math.floor(total * (tune ?? warm));
  const end = tune === undefined ? total : Math.floor(total * warm);
  const histories = new Map<number, Set<number>>();
  const seen = new Set<number>();
  const questions: Question[] = [];
  let repeats = 0;
  let place = 0;
  let length = entries.length;
  for (const [at, { interaction }] of entries.entries()) {
    if (!interaction) continue;
    if (place === end) {
      length = at;
      break;
    }
    const { user, item } = interaction;
    const history = histories.get(user);
    if (place >= first && history !== undefined && seen.has(item)) {
      if (history.has(item)) repeats++;
      else questions.push({ after: at, user, targets: [item], history: undefined });
    }
    seen.add(item);
    if (history === undefined) histories.set(user, new Set([item]));
    else history.add(item);
    place++;
  }
  return { protocol: 'prequential', entries: entries.slice(0, length), questions, universe: 'seen', repeats };
}
