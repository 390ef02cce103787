/**
 * The expected rows of the services, computed from the acknowledged events in the simplest way: no codec, no loop, no
 * SQL. It shares only the meaning of the events with the services.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Acknowledged } from './load.ts';

/** Rows by service and table, each as one text; order doesn't matter. */
export type Expected = Readonly<Record<string, ReadonlySet<string>>>;

type Data = Record<string, unknown> & { item: string };

const row = (...values: unknown[]): string => values.map(String).join(' | ');

const INTERACTIONS = new Set(['viewed', 'played', 'added', 'purchased', 'rated']);

/** In log order, which may differ from the order of the acknowledgements. */
export function reckon(acknowledged: ReadonlyMap<string, Acknowledged>): Expected {
  const inOrder = [...acknowledged].sort(([, a], [, b]) => a.seq - b.seq);
  const seen = new Map<string, { seq: number; user: string }>();
  const identities = new Set<string>();
  const users = new Set<string>();
  const traits = new Map<number, { user: string; traits: object }>();
  const interactions = new Map<number, string>();
  const titles = new Map<string, string>();
  const withdrawals = new Set<string>();
  const lists = new Map<string, string>();
  const outcomes = new Map<number, string>();
  for (const [identity, { event, seq }] of inOrder) {
    const verb = event.type.split('.')[1] as string;
    const { subject } = event;
    const data = event.data as Data;
    identities.add(row(identity, seq));
    if (event.type.startsWith('user.') && verb !== 'retracted') users.add(subject);
    if (INTERACTIONS.has(verb)) interactions.set(seq, row(seq, subject, data.item));
    if (verb === 'registered' || (verb === 'updated' && event.type.startsWith('user.')))
      traits.set(seq, { user: subject, traits: data.traits as object });
    if (verb === 'retracted') {
      // A retraction affects only earlier events, and only those of its own user.
      const back = seen.get(`${String(data.source)}/${String(data.id)}`);
      if (back?.user === subject) {
        interactions.delete(back.seq);
        traits.delete(back.seq);
        outcomes.delete(back.seq);
      }
    }
    if (verb === 'published') titles.set(subject, String(data.title));
    if (event.type === 'content.updated.v1' && titles.has(subject)) titles.set(subject, String(data.title));
    if (verb === 'withdrawn') withdrawals.add(subject);
    if (verb === 'restored') withdrawals.delete(subject);
    if (verb === 'served' && !lists.has(String(data.list))) lists.set(String(data.list), row(data.list, subject, seq));
    if (verb === 'clicked' || verb === 'dismissed') outcomes.set(seq, row(seq, verb, subject, data.item));
    seen.set(identity, { seq, user: subject });
  }
  const rows = new Set(interactions.values());
  return {
    'user.identity': identities,
    'content.identity': identities,
    'feedback.identity': identities,
    'engine.identity': identities,
    'user.profile': users,
    'user.interaction': rows,
    'user.profile_event': new Set(
      [...traits].map(([seq, { user, traits: said }]) => row(seq, user, JSON.stringify(said))),
    ),
    'content.item': new Set([...titles].map(([item, title]) => row(item, title))),
    'content.withdrawal': withdrawals,
    'feedback.served': new Set(lists.values()),
    'feedback.outcome': new Set(outcomes.values()),
    'engine.interaction': rows,
    'engine.withdrawal': withdrawals,
  };
}

/** Those of Freshet's own acts, such as erasures, are no events of the load. */
const IDENTITIES = `SELECT identity, seq FROM identity WHERE identity NOT GLOB 'freshet/*'`;

/** The same rows, read from the services' files. */
const QUERIES: Readonly<Record<string, string>> = {
  'user.identity': IDENTITIES,
  'content.identity': IDENTITIES,
  'feedback.identity': IDENTITIES,
  'engine.identity': IDENTITIES,
  'user.profile': 'SELECT user FROM profile',
  'user.interaction': 'SELECT seq, user, item FROM interaction',
  'user.profile_event': 'SELECT seq, user, traits FROM profile_event',
  'content.item': `SELECT item, fields ->> '$.title' FROM item`,
  'content.withdrawal': 'SELECT item FROM withdrawal',
  'feedback.served': 'SELECT list, user, seq FROM served',
  'feedback.outcome': 'SELECT seq, kind, user, item FROM outcome',
  'engine.interaction': 'SELECT seq, user, item FROM interaction',
  'engine.withdrawal': 'SELECT item FROM withdrawal',
};

export interface Compared {
  /** Acknowledged events that some service lacks. */
  lost: number;
  /** Rows that the acknowledged events do not give: a service counted an event that is not in the log, or counted one twice. */
  doubled: number;
  /** Sentences about the first of them. */
  differences: string[];
  /** By service. */
  checkpoints: Record<string, number>;
}

/** Reads the present files of the projections; services may run. */
export function compare(expected: Expected, data: string): Compared {
  const missing = new Set<string>();
  const result: Compared = { lost: 0, doubled: 0, differences: [], checkpoints: {} };
  for (const service of ['user', 'content', 'feedback', 'engine']) {
    const db = new Database(join(data, `${service}.sqlite`), { readonly: true, timeout: 5_000 });
    try {
      // One transaction, so that all tables show the same state of the file.
      db.exec('BEGIN');
      result.checkpoints[service] = db.prepare('SELECT seq FROM checkpoint').pluck().get() as number;
      for (const [name, sql] of Object.entries(QUERIES)) {
        if (!name.startsWith(`${service}.`)) continue;
        const wanted = expected[name] as ReadonlySet<string>;
        const found = new Set<string>();
        for (const values of db.prepare<[], unknown[]>(sql).raw().iterate()) {
          const text = row(...values);
          if (!wanted.has(text) || found.has(text)) {
            result.doubled++;
            result.differences.push(`${name} holds ${text}`);
          }
          found.add(text);
        }
        for (const text of wanted) {
          if (found.has(text)) continue;
          missing.add(name.endsWith('.identity') ? text : `${name} ${text}`);
          result.differences.push(`${name} lacks ${text}`);
        }
      }
    } finally {
      db.close();
    }
  }
  result.lost = missing.size;
  result.differences = result.differences.slice(0, 10);
  return result;
}
