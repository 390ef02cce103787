/** Finds the events that touched a row: it folds the log once more with triggers on that row. */
import type { Database } from 'better-sqlite3';
import type { EventCodec } from '../event/codec.ts';
import { streamSeq } from '../event/ids.ts';
import type { Log } from '../log/port.ts';
import type { ProjectionDefinition } from './definition.ts';
import { name, type Row, type Value } from './hash.ts';

/** An event as a report names it, without its payload. */
export interface EventMention {
  seq: number;
  subject: string;
  type: string | null;
  id: string | null;
}

/** The same definition with a trace: `touched` returns the sequences of the events that wrote the row of this key. */
export function tracing<Tables>(
  definition: ProjectionDefinition<Tables>,
  table: string,
  key: Row,
): { definition: ProjectionDefinition<Tables>; touched: () => number[] } {
  let current = 0;
  const touched = new Set<number>();
  return {
    touched: () => [...touched].sort((a, b) => a - b),
    definition: {
      ...definition,
      tables: (db) => {
        watch(db, table, key, () => touched.add(current));
        return definition.tables(db);
      },
      apply: (event, tables, clock) => {
        current = event.seq;
        definition.apply(event, tables, clock);
      },
    },
  };
}

function watch(db: Database, table: string, key: Row, seen: () => void): void {
  db.function('freshet_touched', () => {
    seen();
    return null;
  });
  const is = (row: 'NEW' | 'OLD'): string =>
    Object.entries(key)
      .map(([column, value]) => `${row}.${name(column)} IS ${literal(value)}`)
      .join(' AND ') || '1';
  for (const [when, rows] of [
    ['INSERT', ['NEW']],
    ['UPDATE', ['NEW', 'OLD']],
    ['DELETE', ['OLD']],
  ] as const)
    db.exec(
      `CREATE TEMP TRIGGER ${name(`touched ${when}`)} AFTER ${when} ON main.${name(table)}
       WHEN ${rows.map(is).join(' OR ')} BEGIN SELECT freshet_touched(); END`,
    );
}

function literal(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  return `x'${Buffer.from(value).toString('hex')}'`;
}

/** The events at these sequences, without those that the log no longer holds. */
export async function mentions(log: Log, codec: EventCodec, seqs: readonly number[]): Promise<EventMention[]> {
  const found: EventMention[] = [];
  for (const seq of seqs) {
    const message = await log.at(streamSeq(seq));
    if (!message) continue;
    const decoded = codec.decode(message);
    const event = decoded.kind === 'event' ? decoded.event : undefined;
    found.push({ seq, subject: message.subject, type: event?.type ?? null, id: event?.id ?? null });
  }
  return found;
}
