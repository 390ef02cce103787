/**
 * Messages of one data subject that name another one: a link names an id, a retraction names an event (decision 0035). An
 * erasure of the named id removes them from the log. Links in force are in `said_link`; `mention` holds the others.
 */
import type { Database } from 'better-sqlite3';
import type { LoggedEvent } from '../event/codec.ts';
import { eventIdentity } from '../event/ids.ts';
import type { PersonalDataRows } from './personal-data.ts';

export const MENTIONS_SCHEMA = `
CREATE TABLE IF NOT EXISTS mention (
  seq INTEGER PRIMARY KEY, claimant TEXT NOT NULL, session TEXT, identity TEXT, applied INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS mention_session ON mention (session) WHERE session IS NOT NULL;
CREATE INDEX IF NOT EXISTS mention_claimant ON mention (claimant);
CREATE TABLE IF NOT EXISTS recorded_mention (record INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (record, seq)) STRICT, WITHOUT ROWID;`;

export const MENTIONS_DATA: PersonalDataRows = {
  part: 'mention',
  sql: 'SELECT seq AS key, seq, claimant, session, identity FROM mention WHERE claimant = @user',
};

/** A message that names a forgotten id. */
export interface Mention {
  seq: number;
  /** The data subject of the message. */
  claimant: string;
}

/** What {@link Mentions.remove} found. */
export interface Removed {
  found: 'nothing' | 'unapplied' | 'applied';
  /** The data subject of a message that the fold had not applied. */
  claimant?: string;
}

export interface Mentions {
  /** Stores a message that the fold applied; `own`: it retracts an event of its own data subject. */
  addApplied(event: LoggedEvent, own: boolean): void;
  /** Stores a message that the fold did not apply: a repeated one, or one with a re-used identity. */
  addUnapplied(event: LoggedEvent): void;
  /** Removes what a data subject has said up to a position, because an erasure removes these messages. */
  drop(claimant: string, seq: number): void;
  /** Stores which messages retract events of a data subject, before the rows that show it are removed. */
  keepRetractions(record: number, person: number, reach: number): void;
  /** The messages before the record of an erasure that name this id, or an event of it. */
  of(id: string, record: number): Mention[];
  /** The ids that links name. */
  named(): IterableIterator<string>;
  /** Removes the message at a position, because the log no longer holds it. */
  remove(seq: number): Removed;
}

/** @param db a database with {@link MENTIONS_SCHEMA} and the tables that every projection has */
export function prepareMentions(db: Database): Mentions {
  const add = db.prepare('INSERT INTO mention VALUES (?, ?, ?, ?, ?)');
  const drop = db.prepare('DELETE FROM mention WHERE claimant = ? AND seq <= ?');
  // Few messages are mentions, and a data subject may have many identities: so the search begins with the mentions.
  const keep = db.prepare(
    `INSERT OR IGNORE INTO recorded_mention SELECT ?, mention.seq FROM mention CROSS JOIN identity ON identity.identity = mention.identity
     WHERE identity.person = ? AND identity.seq <= ?`,
  );
  const links = db.prepare<[string, number, string, number], Mention>(
    `SELECT seq, claimant FROM said_link WHERE session = ? AND seq < ?
     UNION SELECT seq, claimant FROM mention WHERE session = ? AND seq < ? ORDER BY seq`,
  );
  const retractions = db.prepare<[number], Mention>(
    `SELECT mention.seq, mention.claimant FROM recorded_mention JOIN mention ON mention.seq = recorded_mention.seq
     WHERE recorded_mention.record = ? ORDER BY mention.seq`,
  );
  const named = db
    .prepare<[], string>('SELECT session FROM said_link UNION SELECT session FROM mention WHERE session IS NOT NULL')
    .pluck();
  const dropLink = db.prepare('DELETE FROM said_link WHERE seq = ?');
  const dropMention = db.prepare<[number], { applied: number; claimant: string }>(
    'DELETE FROM mention WHERE seq = ? RETURNING applied, claimant',
  );
  const dropRecorded = db.prepare('DELETE FROM recorded_mention WHERE seq = ?');
  const dropDead = db.prepare('DELETE FROM dead_letter WHERE seq = ?');

  function write(event: LoggedEvent, applied: boolean): void {
    const flag = applied ? 1 : 0;
    if (event.type === 'user.linked.v1') add.run(event.seq, event.subject, event.data.session, null, flag);
    if (event.type === 'user.retracted.v1')
      add.run(event.seq, event.subject, null, eventIdentity(event.data.source, event.data.id), flag);
  }

  return {
    addApplied: (event, own) => {
      if (event.type === 'user.retracted.v1' && !own) write(event, true);
    },
    addUnapplied: (event) => write(event, false),
    drop: (claimant, seq) => void drop.run(claimant, seq),
    keepRetractions: (record, person, reach) => void keep.run(record, person, reach),
    of: (id, record) => [...links.all(id, record, id, record), ...retractions.all(record)],
    named: () => named.iterate(),
    remove: (seq) => {
      const link = dropLink.run(seq).changes > 0;
      const mention = dropMention.get(seq);
      dropRecorded.run(seq);
      dropDead.run(seq);
      if (link || mention?.applied === 1) return { found: 'applied' };
      return mention ? { found: 'unapplied', claimant: mention.claimant } : { found: 'nothing' };
    },
  };
}
