import type { DataSet } from '../data/data-set.ts';
import type { Plan, Question } from './plan.ts';

export interface PrequentialOptions {
  /** Share of the interactions at the start, without questions. */
  warm: number;
  /** To choose settings: asks from this share on and stops at `warm`, so that the choice does not see the measured part. */
  tune?: number | undefined;
}

/**
 * Test, then train (Gama, Sebastião and Rodrigues 2013, "On evaluating stream learning algorithms"): after the
 * warm share, each event becomes a question before the recommenders learn it, if its user has a history and the stream has
 * shown its item.
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
