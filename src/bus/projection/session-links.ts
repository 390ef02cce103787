/**
 * Links of anonymous sessions to users, as rows (decision 0009). Three tables hold them: `said_link` every link in the
 * log, in every projection; `link` the links in force, in projections that answer by user; `claim` the links with their
 * positions, in the projection that must know who owned a session at an earlier position.
 */
import type { Database } from 'better-sqlite3';
import type { PersonalDataRows } from './personal-data.ts';

/** Each session, and the user that its events belong to now: never a session that belongs to another user itself. */
export const SESSION_LINKS_SCHEMA = `
CREATE TABLE IF NOT EXISTS link (session TEXT PRIMARY KEY, user TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS link_user ON link (user);`;

export const SESSION_LINKS_DATA: PersonalDataRows = {
  part: 'link',
  sql: 'SELECT session AS key, link.* FROM link WHERE user = @user',
};

/** The links in force. */
export interface SessionLinks {
  /** The user that the events published under this id belong to: the id itself, unless a user linked it. */
  ownerOf(id: string): string;
  /** The sessions of a user, in the order of their ids. */
  sessionsOf(user: string): string[];
  /**
   * Links a session, with all sessions that are linked to it, to the owner of a user. False if the link has no effect:
   * the session belongs to a user already, or it is that user itself.
   *
   * @param user a user that no other user owns
   */
  link(session: string, user: string): boolean;
  /** Removes the links of these sessions to this user. */
  unlink(sessions: readonly string[], user: string): void;
}

/** @param db a database with {@link SESSION_LINKS_SCHEMA} */
export function prepareSessionLinks(db: Database): SessionLinks {
  const owner = db.prepare<[string], string>('SELECT user FROM link WHERE session = ?').pluck();
  const sessions = db.prepare<[string], string>('SELECT session FROM link WHERE user = ? ORDER BY session').pluck();
  const add = db.prepare('INSERT INTO link VALUES (?, ?) ON CONFLICT DO NOTHING');
  const move = db.prepare('UPDATE link SET user = ? WHERE user = ?');
  const remove = db.prepare('DELETE FROM link WHERE session = ? AND user = ?');
  return {
    ownerOf: (id) => owner.get(id) ?? id,
    sessionsOf: (user) => sessions.all(user),
    link: (session, user) => {
      if (session === user || add.run(session, user).changes === 0) return false;
      move.run(user, session);
      return true;
    },
    unlink: (linked, user) => {
      for (const session of linked) remove.run(session, user);
    },
  };
}

/**
 * Each link with its position in the log, and whether it was in force from there on. The table keeps the others too:
 * without the one in force, whose user an erasure forgets, they would be.
 */
export const LINK_HISTORY_SCHEMA = `
CREATE TABLE IF NOT EXISTS claim (
  seq INTEGER PRIMARY KEY, session TEXT NOT NULL, claimant TEXT NOT NULL, counts INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS claim_session ON claim (session);
CREATE INDEX IF NOT EXISTS claim_claimant ON claim (claimant);`;

export const LINK_HISTORY_DATA: PersonalDataRows = {
  part: 'claim',
  sql: 'SELECT seq AS key, claim.* FROM claim WHERE claimant = @user',
};

/** SQL for the ids that linked a session behind a position, the one parameter. */
export const CLAIMANTS_SINCE = 'SELECT claimant FROM claim WHERE seq > ?';

/**
 * The links as they were at each position. Between an erasure that the rows alone cannot follow and its rebuild they may
 * close a circle; a search ends there all the same.
 */
export interface LinkHistory {
  /** Stores the link at a position. `counts`: it came into force, see {@link SessionLinks.link}. */
  add(link: { seq: number; session: string; claimant: string; counts: boolean }): void;
  /** Removes the links of a user up to a position. */
  dropOf(claimant: string, seq: number): void;
  /** Whether the event at a position is a link. */
  has(seq: number): boolean;
  /** As {@link SessionLinks.ownerOf}, once the event at this position was folded. */
  ownerAt(id: string, seq: number): string;
  /** The id and all sessions that were linked to it, directly or through other sessions, at this position. */
  idsAt(id: string, seq: number): string[];
}

/** @param db a database with {@link LINK_HISTORY_SCHEMA} */
export function prepareLinkHistory(db: Database): LinkHistory {
  const add = db.prepare('INSERT INTO claim VALUES (?, ?, ?, ?)');
  const drop = db.prepare('DELETE FROM claim WHERE claimant = ? AND seq <= ?');
  const at = db.prepare<[number], string>('SELECT session FROM claim WHERE seq = ?').pluck();
  const claimant = db
    .prepare<[string, number], string>('SELECT claimant FROM claim WHERE session = ? AND counts = 1 AND seq <= ?')
    .pluck();
  const sessions = db
    .prepare<[string, number], string>('SELECT session FROM claim WHERE claimant = ? AND counts = 1 AND seq <= ?')
    .pluck();
  return {
    add: ({ seq, session, claimant: user, counts }) => void add.run(seq, session, user, counts ? 1 : 0),
    dropOf: (user, seq) => void drop.run(user, seq),
    has: (seq) => at.get(seq) !== undefined,
    ownerAt: (id, seq) => {
      let owner = id;
      const seen = new Set<string>();
      for (
        let next = claimant.get(owner, seq);
        next !== undefined && !seen.has(next);
        next = claimant.get(owner, seq)
      ) {
        seen.add(next);
        owner = next;
      }
      return owner;
    },
    idsAt: (id, seq) => {
      const ids = new Set([id]);
      // A set goes on to what was added meanwhile, and holds each id once.
      for (const one of ids) for (const session of sessions.all(one, seq)) ids.add(session);
      return [...ids];
    },
  };
}

/** Every link in the log, whether it is in force or not. */
export const SAID_LINKS_SCHEMA = `
CREATE TABLE IF NOT EXISTS said_link (seq INTEGER PRIMARY KEY, session TEXT NOT NULL, claimant TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS said_link_session ON said_link (session);
CREATE INDEX IF NOT EXISTS said_link_claimant ON said_link (claimant);`;

export const SAID_LINKS_DATA: PersonalDataRows = {
  part: 'said_link',
  sql: 'SELECT seq AS key, seq, session, claimant FROM said_link WHERE claimant = @user',
};

/** The links in the log. */
export interface SaidLinks {
  add(seq: number, session: string, claimant: string): void;
  /** The sessions that a user linked up to a position, each once, in the order of the log. */
  sessionsUpTo(claimant: string, seq: number): string[];
  /** Removes the links of a user up to a position. */
  drop(claimant: string, seq: number): void;
  /** Whether any user linked this session. */
  isClaimed(session: string): boolean;
  /** The sessions that belong to a user, directly or through other sessions. The most distant ones come first. */
  sessionsOf(user: string): string[];
}

/** @param db a database with {@link SAID_LINKS_SCHEMA} */
export function prepareSaidLinks(db: Database): SaidLinks {
  const add = db.prepare('INSERT INTO said_link VALUES (?, ?, ?)');
  const drop = db.prepare('DELETE FROM said_link WHERE claimant = ? AND seq <= ?');
  const linked = db
    .prepare<[string, number], string>('SELECT session FROM said_link WHERE claimant = ? AND seq <= ? ORDER BY seq')
    .pluck();
  const first = db
    .prepare<[string], string>('SELECT claimant FROM said_link WHERE session = ? ORDER BY seq LIMIT 1')
    .pluck();
  const sessionsUpTo = (claimant: string, seq: number): string[] => [...new Set(linked.all(claimant, seq))];
  return {
    add: (seq, session, claimant) => void add.run(seq, session, claimant),
    sessionsUpTo,
    drop: (claimant, seq) => void drop.run(claimant, seq),
    isClaimed: (session) => first.get(session) !== undefined,
    sessionsOf: (user) => {
      const found: string[] = [];
      for (const ids = [user], seen = new Set(ids); ids.length > 0; ) {
        const id = ids.shift() as string;
        for (const session of sessionsUpTo(id, Number.MAX_SAFE_INTEGER)) {
          // A session belongs to the user with the first link.
          if (seen.has(session) || first.get(session) !== id) continue;
          seen.add(session);
          ids.push(session);
          found.unshift(session);
        }
      }
      return found;
    },
  };
}
