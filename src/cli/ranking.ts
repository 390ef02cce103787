/** A ranking as a text table: place, item, title, score, and the fields and reasons that the caller requested. */
import type { Command } from 'commander';
import type { NatsConnection } from 'nats';
import type { RankingAnswer } from '../engine/serve/lists.ts';
import type { ItemFields } from '../items/fields.ts';
import { count, note, print, table } from './output.ts';
import { titlesOf } from './titles.ts';
import { names } from './values.ts';

/** Adds `--fields`. */
export const withFields = (command: Command): Command =>
  command.option(
    '--fields <name,...>',
    'show these fields of each item: title, tags, published, attributes.NAME, ...',
    names,
  );

/** Most reasons to print for an item. */
const REASONS = 3;

export async function rankingText(nc: NatsConnection, answer: Pick<RankingAnswer, 'items'>): Promise<string> {
  const { items } = answer;
  if (items.length === 0) return 'The list is empty.';
  const named = items.flatMap(({ item, reasons = [] }) => [item, ...reasons.flatMap((reason) => reason.item ?? [])]);
  const titles = await titlesOf(nc, named);
  const others = [...new Set(items.flatMap(({ fields }) => [...flat(fields).keys()]))].sort();
  const rows = items.map(({ item, score, reasons, fields }, i) => {
    const why = (reasons ?? []).slice(0, REASONS).map(({ signal, contribution, item: from, terms }) => {
      const of = from === undefined ? '' : ` by ${titles.get(from) ?? from}`;
      return `${signal}${of}${terms?.length ? ` (${terms.slice(0, 3).join(', ')})` : ''} ${contribution.toFixed(2)}`;
    });
    const shown = flat(fields);
    return [
      i + 1,
      item,
      titles.get(item) ?? '',
      score.toFixed(3),
      ...others.map((name) => shown.get(name) ?? ''),
      why.join('; '),
    ];
  });
  return table(rows, ['', 'item', 'title', 'score', ...others, items.some(({ reasons }) => reasons) ? 'why' : '']);
}

/** Fields by the names under which a request asks for them. The table has the title in any case. */
function flat({ attributes, title: _, ...fields }: ItemFields = {}): Map<string, string> {
  const named = Object.entries(attributes ?? {}).map(([name, value]) => [`attributes.${name}`, value] as const);
  return new Map(
    [...Object.entries(fields), ...named].map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  );
}

export function noteWarnings({ warnings = [] }: Pick<RankingAnswer, 'warnings'>): void {
  for (const { code, message } of warnings) note(`${code}: ${message}`);
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

/** Prints a ranking for people, with its origin and what is odd about the request. */
export async function printRanking(nc: NatsConnection, answer: RankingAnswer): Promise<void> {
  print(await rankingText(nc, answer));
  note(originText(answer));
  noteWarnings(answer);
}
