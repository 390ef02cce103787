/** A ranking as a text table: place, item, title, score, and the reasons if the caller requested them. */
import type { NatsConnection } from 'nats';
import type { RankingAnswer } from '../engine/serve/lists.ts';
import { count, table } from './output.ts';
import { titlesOf } from './titles.ts';

/** Most reasons to print for an item. */
const REASONS = 3;

export async function rankingText(nc: NatsConnection, answer: Pick<RankingAnswer, 'items'>): Promise<string> {
  const { items } = answer;
  if (items.length === 0) return 'The list is empty.';
  const named = items.flatMap(({ item, reasons = [] }) => [item, ...reasons.flatMap((reason) => reason.item ?? [])]);
  const titles = await titlesOf(nc, named);
  const rows = items.map(({ item, score, reasons }, i) => {
    const why = (reasons ?? []).slice(0, REASONS).map(({ signal, contribution, item: from, terms }) => {
      const of = from === undefined ? '' : ` by ${titles.get(from) ?? from}`;
      return `${signal}${of}${terms?.length ? ` (${terms.slice(0, 3).join(', ')})` : ''} ${contribution.toFixed(2)}`;
    });
    return [i + 1, item, titles.get(item) ?? '', score.toFixed(3), why.join('; ')];
  });
  return table(rows, ['', 'item', 'title', 'score', items.some(({ reasons }) => reasons) ? 'why' : '']);
}

/** One line about the origin of a ranking. */
export const originText = ({
  source,
  seq,
  behind = 0,
  snapshot,
  config,
}: Pick<RankingAnswer, 'source' | 'seq' | 'behind' | 'snapshot' | 'config'>): string =>
  `source ${source}, computed at sequence ${seq}${behind > 0 ? ` (the engine is ${count(behind)} event${behind === 1 ? '' : 's'} behind the log)` : ''}, snapshot ${snapshot}, configuration ${config}`;
