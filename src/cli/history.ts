/** A page of a user's history as a text table. */
import type { NatsConnection } from 'nats';
import type { HistoryAnswer } from '../user/api.ts';
import { table } from './output.ts';
import { titlesOf } from './titles.ts';

export async function historyText(nc: NatsConnection, { events }: HistoryAnswer): Promise<string> {
  if (events.length === 0) return 'No interactions.';
  const titles = await titlesOf(
    nc,
    events.map(({ item }) => item),
  );
  const rows = events.map(({ seq, time, type, item, value }) => [
    String(seq),
    time,
    type,
    item,
    titles.get(item) ?? '',
    value === undefined ? '' : String(value),
  ]);
  return table(rows, ['seq', 'time', 'type', 'item', 'title', 'value']);
}
