/**
 * Items that changed after a position of the log: a list of similar items is due for each of them. The rows of the
 * engine have the positions of interactions. They do not have the positions of content events, so
 * these come from the log. An interaction that the user has taken back has left no row, and makes no list due.
 */
import type { Database } from 'better-sqlite3';
import type { NatsConnection } from 'nats';
import { EVENTS } from '../../../streams.config.ts';
import { parseEventSubject } from '../../bus/event/subject.ts';
import { isNotFound } from '../../bus/nats/connection.ts';

/** An item and the position of a change of it. */
export type ItemChange = readonly [item: string, seq: number];

export interface ChangedItemsOptions {
  db: Database;
  nc: NatsConnection;
}

/**
 * The changes at positions behind `since`, up to `to`; an item may come twice. All items if `since` is 0.
 * Throws the errors of SQLite and of the connection.
 */
export async function* changedItems(
  { db, nc }: ChangedItemsOptions,
  { since, to }: { since: number; to: number },
): AsyncGenerator<ItemChange> {
  if (since === 0) {
    const all = db.prepare<[], { item: string }>('SELECT item FROM item UNION SELECT item FROM interaction').all();
    for (const { item } of all) yield [item, 1];
    return;
  }
  const taken = db.prepare<[number], { item: string; seq: number }>(
    'SELECT item, min(seq) AS seq FROM interaction WHERE seq > ? GROUP BY item',
  );
  for (const { item, seq } of taken.all(since)) yield [item, seq];
  const { streams } = await nc.jetstreamManager({ checkAPI: false });
  for (let next = since + 1; next <= to; ) {
    // The server skips events of other contexts, so there is one request for each content event.
    const query = { seq: next, next_by_subj: 'ev.content.>' };
    const found = await streams.getMessage(EVENTS.name, query).catch((err: unknown) => {
      if (isNotFound(err)) return undefined;
      throw err;
    });
    if (!found || found.seq > to) return;
    const subject = parseEventSubject(found.subject);
    if (subject) yield [subject.entity, found.seq];
    next = found.seq + 1;
  }
}
