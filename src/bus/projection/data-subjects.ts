/**
 * Which data subject each identity belongs to, so that a projection can remove a user's events when it folds the record of
 * an erasure. The record names the user by an HMAC; the table `person` gives the id. The rows do not always show how
 * another user's rows would be without these events: then a rebuild is due.
 */
import type { Database } from 'better-sqlite3';
import type { LoggedEvent } from '../event/codec.ts';
import { erasureHmac } from '../event/erasure-hmac.ts';
import { eventIdentity, type StreamSeq } from '../event/ids.ts';
import { parseEventSubject } from '../event/subject.ts';
import { createErasing, ERASING_SCHEMA, type Erasing, type ForgetOwnRows, IS_LIVING } from './erasing.ts';
import { MENTIONS_SCHEMA, prepareMentions } from './mentions.ts';
import { prepareSaidLinks, SAID_LINKS_SCHEMA } from './session-links.ts';

export const DATA_SUBJECTS_SCHEMA = `
CREATE TABLE IF NOT EXISTS person (id INTEGER PRIMARY KEY, user TEXT NOT NULL UNIQUE, hmac TEXT NOT NULL UNIQUE) STRICT;
CREATE INDEX IF NOT EXISTS identity_person ON identity (person, seq) WHERE person IS NOT NULL;
${SAID_LINKS_SCHEMA}
${ERASING_SCHEMA}
${MENTIONS_SCHEMA}
CREATE TABLE IF NOT EXISTS said_back (seq INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS rebuild_due (seq INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (seq, reason)) STRICT, WITHOUT ROWID;`;

export interface DataSubjects {
  /** Number of the data subject of an event; null for events without one. */
  of(context: string, user: string): number | null;
  /** Stores how this event refers to events of other data subjects. */
  note(event: LoggedEvent, person: number | null): void;
  /** The same of an event that the fold did not apply, because its identity is taken. */
  noteUnapplied(event: LoggedEvent): void;
  /**
   * Begins to remove a user's events up to a position: cuts the user off, and leaves the rest to {@link erasing}. False:
   * the projection does not know this user.
   */
  beginErasure(hmac: string, reach: StreamSeq, seq: StreamSeq): boolean;
  /** Erasures under way. */
  readonly erasing: Erasing;
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

/** @param forget how the service removes rows from its own tables; left out: it has none */
export function createDataSubjects(
  db: Database,
  key: Uint8Array,
  forget: ForgetOwnRows = { cutOff: ({ user }) => user, remove: () => {}, end: () => {} },
): DataSubjects {
  const cache = new Map<string, number>();
  const find = db.prepare<[string], { id: number }>('SELECT id FROM person WHERE user = ?');
  const add = db.prepare('INSERT INTO person (user, hmac) VALUES (?, ?)');
  const byHmac = db.prepare<[string], { id: number; user: string }>('SELECT id, user FROM person WHERE hmac = ?');
  const first = db
    .prepare<[number, number], number>('SELECT seq FROM identity WHERE person = ? AND seq <= ? ORDER BY seq LIMIT 1')
    .pluck();
  const between = db.prepare<[number, number, number], unknown>(
    'SELECT 1 FROM identity WHERE person = ? AND seq > ? AND seq < ? LIMIT 1',
  );
  const ownerOf = db.prepare<[string], { person: number | null; seq: number }>(
    'SELECT person, seq FROM identity WHERE identity = ?',
  );
  const livingOwnerOf = db
    .prepare<[string], number | null>(`SELECT person FROM identity WHERE identity = ? AND ${IS_LIVING}`)
    .pluck();
  const reused = db.prepare<[], { seq: number; subject: string; payload: Uint8Array }>(
    `SELECT seq, subject, payload FROM dead_letter WHERE code = 'FRESHET_EVENT_IDENTITY_REUSED'`,
  );
  const links = prepareSaidLinks(db);
  const mentions = prepareMentions(db);
  const addBack = db.prepare('INSERT INTO said_back VALUES (?)');
  const addDue = db.prepare('INSERT OR IGNORE INTO rebuild_due VALUES (?, ?)');
  const readDue = db.prepare<[], { reason: string }>('SELECT DISTINCT reason FROM rebuild_due ORDER BY reason');
  const erasing = createErasing(db, {
    remove: forget.remove,
    end: forget.end,
    addDue: (seq, reason) => void addDue.run(seq, reason),
    onGone: (user) => void cache.delete(user),
  });

  function of(context: string, user: string): number | null {
    if (context !== 'user' && context !== 'feedback') return null;
    const known = cache.get(user) ?? find.get(user)?.id;
    const id = known ?? Number(add.run(user, erasureHmac(key, user)).lastInsertRowid);
    if (cache.size >= CACHED) cache.clear();
    cache.set(user, id);
    return id;
  }

  /** Whether an event of another user is a dead letter because of an identity of this user. */
  function blocksOthers(person: number, user: string, reach: number): boolean {
    for (const { seq, subject, payload } of reused.iterate()) {
      if (seq <= reach && userOfSubject(subject)?.user === user) continue;
      const owner = ownerOf.get(identityOf(payload));
      if (owner && owner.person === person && owner.seq <= reach) return true;
    }
    return false;
  }

  return {
    of,
    erasing,
    note: (event, person) => {
      if (event.type === 'user.linked.v1') links.add(event.seq, event.data.session, event.subject);
      if (event.type !== 'user.retracted.v1') return;
      const target = livingOwnerOf.get(eventIdentity(event.data.source, event.data.id));
      mentions.addApplied(event, target !== undefined && target === person);
      // The retraction concerns an event of another id of the user. Without the retraction that event would count again.
      if (typeof target === 'number' && target !== person) addBack.run(event.seq);
    },
    noteUnapplied: mentions.addUnapplied,
    removeMentions: (sequences, seq) => {
      const removed = sequences.map(mentions.remove);
      if (removed.some(({ found }) => found === 'applied'))
        addDue.run(seq, 'a message that named a forgotten id is gone from the log');
      for (const { claimant } of removed) {
        const person = claimant === undefined ? undefined : find.get(claimant);
        // The removed message may have been all that the log held of its own data subject.
        if (claimant !== undefined && person) erasing.release(person.id, claimant);
      }
      return removed.some(({ found }) => found !== 'nothing');
    },
    beginErasure: (hmac, reach, seq) => {
      const person = byHmac.get(hmac);
      if (!person) return false;
      const { id, user } = person;
      const due = (reason: string): void => void addDue.run(seq, reason);
      const sessions = links.sessionsUpTo(user, reach);
      erasing.add({ seq, person: id, user, owner: user, reach });
      mentions.drop(user, reach);
      mentions.keepRetractions(seq, id, reach);
      links.drop(user, reach);
      const owner = forget.cutOff({ user, seq, reach, sessions, first: first.get(id, reach), due });
      erasing.setOwner(seq, owner);
      if (blocksOthers(id, user, reach))
        due('an event of another user is a dead letter because of an identity of this user');
      for (const session of sessions) {
        const known = find.get(session);
        if ((known && erasing.remains(known.id, session)) || links.isClaimed(session))
          due('a session of the user still has events or another link');
      }
      if (between.get(id, reach, seq) !== undefined) due('the user has events after the fence of the erasure');
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
