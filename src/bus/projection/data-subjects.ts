/**
 * Which data subject each identity belongs to, so that a projection can remove a user's events when it folds the record of
 * an erasure. The record names the user by an HMAC; the table `person` gives the id. The rows do not always show how
 * another user's rows would be without these events: then a rebuild is due.
 */
import type { Database } from 'better-sqlite3';
import type { LoggedEvent } from '../event/codec.ts';
import { erasureHmac } from '../event/erasure-hmac.ts';
import { encodeToken, eventIdentity, type StreamSeq } from '../event/ids.ts';
import { parseEventSubject } from '../event/subject.ts';
import { MENTIONS_SCHEMA, prepareMentions } from './mentions.ts';
import { prepareSaidLinks, SAID_LINKS_SCHEMA } from './session-links.ts';

export const DATA_SUBJECTS_SCHEMA = `
CREATE TABLE IF NOT EXISTS person (id INTEGER PRIMARY KEY, user TEXT NOT NULL UNIQUE, hmac TEXT NOT NULL UNIQUE) STRICT;
CREATE INDEX IF NOT EXISTS identity_person ON identity (person) WHERE person IS NOT NULL;
${SAID_LINKS_SCHEMA}
${MENTIONS_SCHEMA}
CREATE TABLE IF NOT EXISTS said_back (seq INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS rebuild_due (seq INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (seq, reason)) STRICT, WITHOUT ROWID;`;

/** The data that a service must remove from its own tables. */
export interface Forgotten {
  user: string;
  /** Sequence of the record of the erasure. */
  seq: number;
  /** Sequences of the user's events, in order. */
  seqs: readonly number[];
  /** Sessions that this user linked. */
  sessions: readonly string[];
  /** Reports that remaining rows would be different without these events: a rebuild is due for this reason. */
  due(reason: string): void;
}

export interface DataSubjects {
  /** Number of the data subject of an event; null for events without one. */
  of(context: string, user: string): number | null;
  /** Stores how this event refers to events of other data subjects. */
  note(event: LoggedEvent, person: number | null): void;
  /** The same of an event that the fold did not apply, because its identity is taken. */
  noteUnapplied(event: LoggedEvent): void;
  /**
   * Removes a user's events up to a position from the tables of every projection; `forget` does so in the service's own.
   * False: the projection does not know this user.
   */
  erase(hmac: string, reach: StreamSeq, seq: StreamSeq, forget: (forgotten: Forgotten) => void): boolean;
  /** Removes messages that named a forgotten id. False: the projection holds none of them. */
  removeMentions(sequences: readonly number[], seq: StreamSeq): boolean;
  /** Why a rebuild of the projection is due, or undefined. */
  due(): string | undefined;
  /** Makes a rebuild due for a reason of the service's own. */
  needRebuild(seq: StreamSeq, reason: string): void;
  /** Clears the cache after a rolled-back transaction, because the table may not hold its numbers. */
  clearCache(): void;
}

/** Users in the cache of numbers. */
const CACHED = 50_000;

export function createDataSubjects(db: Database, key: Uint8Array): DataSubjects {
  const cache = new Map<string, number>();
  const find = db.prepare<[string], { id: number }>('SELECT id FROM person WHERE user = ?');
  const add = db.prepare('INSERT INTO person (user, hmac) VALUES (?, ?)');
  const byHmac = db.prepare<[string], { id: number; user: string }>('SELECT id, user FROM person WHERE hmac = ?');
  const identities = db.prepare<[number, number], { identity: string; seq: number }>(
    'SELECT identity, seq FROM identity WHERE person = ? AND seq <= ? ORDER BY seq',
  );
  const left = db.prepare<[number], { n: number }>('SELECT count(*) AS n FROM identity WHERE person = ?');
  const ownerOf = db.prepare<[string], { person: number | null }>('SELECT person FROM identity WHERE identity = ?');
  const dropIdentities = db.prepare('DELETE FROM identity WHERE person = ? AND seq <= ?');
  const dropPerson = db.prepare('DELETE FROM person WHERE id = ?');
  const leftDead = db.prepare<[string, string], { n: number }>(
    'SELECT count(*) AS n FROM dead_letter WHERE subject >= ? AND subject < ?',
  );
  const dropDead = db.prepare('DELETE FROM dead_letter WHERE subject >= ? AND subject < ? AND seq <= ?');
  const reused = db.prepare<[], { payload: Uint8Array }>(
    `SELECT payload FROM dead_letter WHERE code = 'FRESHET_EVENT_IDENTITY_REUSED'`,
  );
  const links = prepareSaidLinks(db);
  const mentions = prepareMentions(db);
  const addBack = db.prepare('INSERT INTO said_back VALUES (?)');
  const dropBack = db.prepare('DELETE FROM said_back WHERE seq = ?');
  const addDue = db.prepare('INSERT OR IGNORE INTO rebuild_due VALUES (?, ?)');
  const readDue = db.prepare<[], { reason: string }>('SELECT DISTINCT reason FROM rebuild_due ORDER BY reason');

  function of(context: string, user: string): number | null {
    if (context !== 'user' && context !== 'feedback') return null;
    const known = cache.get(user) ?? find.get(user)?.id;
    const id = known ?? Number(add.run(user, erasureHmac(key, user)).lastInsertRowid);
    if (cache.size >= CACHED) cache.clear();
    cache.set(user, id);
    return id;
  }

  return {
    of,
    note: (event, person) => {
      if (event.type === 'user.linked.v1') links.add(event.seq, event.data.session, event.subject);
      if (event.type !== 'user.retracted.v1') return;
      const target = ownerOf.get(eventIdentity(event.data.source, event.data.id));
      mentions.addApplied(event, target !== undefined && target.person === person);
      // The retraction concerns an event of another id of the user. Without the retraction that event would count again.
      if (target && target.person !== null && target.person !== person) addBack.run(event.seq);
    },
    noteUnapplied: mentions.addUnapplied,
    removeMentions: (sequences, seq) => {
      const found = sequences.map(mentions.remove);
      if (found.includes('applied')) addDue.run(seq, 'a message that named a forgotten id is gone from the log');
      return found.some((one) => one !== 'nothing');
    },
    erase: (hmac, reach, seq, forget) => {
      const person = byHmac.get(hmac);
      if (!person) return false;
      const { id, user } = person;
      const due = (reason: string): void => void addDue.run(seq, reason);
      const gone = identities.all(id, reach);
      const sessions = links.sessionsUpTo(user, reach);
      const seqs = gone.map((one) => one.seq);
      forget({ user, seq, seqs, sessions, due });
      mentions.drop(user, reach);
      mentions.keepRetractions(seq, id, reach);
      dropIdentities.run(id, reach);
      links.drop(user, reach);
      for (const one of seqs) if (dropBack.run(one).changes > 0) due('the user had retracted an event of another id');
      let dead = 0;
      for (const context of ['user', 'feedback']) {
        const token = `ev.${context}.${encodeToken(user)}`;
        dropDead.run(`${token}.`, `${token}/`, reach);
        dead += (leftDead.get(`${token}.`, `${token}/`) as { n: number }).n;
      }
      const taken = new Set(gone.map(({ identity }) => identity));
      for (const { payload } of reused.all())
        if (taken.has(identityOf(payload)))
          due('an event of another user is a dead letter because of an identity of this user');
      for (const session of sessions)
        if (find.get(session) || links.isClaimed(session))
          due('a session of the user still has events or another link');
      if ((left.get(id) as { n: number }).n > 0) due('the user has events after the fence of the erasure');
      // The row stays while dead letters after the fence exist, so that another erasure of the user finds them.
      else if (dead === 0) dropPerson.run(id);
      cache.delete(user);
      return true;
    },
    needRebuild: (seq, reason) => void addDue.run(seq, reason),
    due: () =>
      readDue
        .all()
        .map(({ reason }) => reason)
        .join('; ') || undefined,
    clearCache: () => cache.clear(),
  };
}

/** The data subject of a message by its NATS subject alone, for messages that the codec cannot read. */
export function userOfSubject(subject: string): { context: string; user: string } | undefined {
  const parts = parseEventSubject(subject);
  if (!parts || (parts.context !== 'user' && parts.context !== 'feedback')) return undefined;
  return { context: parts.context, user: parts.entity };
}

function identityOf(payload: Uint8Array): string {
  const { source, id } = JSON.parse(Buffer.from(payload).toString('utf8')) as { source: string; id: string };
  return eventIdentity(source, id);
}
