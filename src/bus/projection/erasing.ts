/**
 * Removes the events of forgotten users in slices (decision 0034). The first slice cuts a user off: from then on the fold
 * and the answers read as if the user's events up to a position, the *doomed* ones, were gone. Further slices remove their
 * rows in log order, each in a transaction of its own. The identities that are left are the progress.
 */
import type { Database } from 'better-sqlite3';
import { encodeToken } from '../event/ids.ts';

/** Erasures under way: one row from the fold of the record to the last slice. */
export const ERASING_SCHEMA = `
CREATE TABLE IF NOT EXISTS erasing (
  seq INTEGER PRIMARY KEY, person INTEGER NOT NULL, user TEXT NOT NULL, owner TEXT NOT NULL, reach INTEGER NOT NULL
) STRICT;`;

/**
 * SQL: the event at a position is not doomed. Costs nothing while no erasure is under way.
 *
 * @param seq the position, a column with its table
 */
export const isKept = (seq: string): string =>
  `NOT EXISTS (SELECT 1 FROM erasing CROSS JOIN identity AS doomed ON doomed.person = erasing.person AND doomed.seq = ${seq}
   WHERE ${seq} <= erasing.reach)`;

/** SQL: the event of a row of `identity` is not doomed. */
export const IS_LIVING =
  'NOT EXISTS (SELECT 1 FROM erasing WHERE erasing.person = identity.person AND identity.seq <= erasing.reach)';

/** SQL: position and fingerprint of the event with an identity, unless the event is doomed. */
export const IDENTITY_SEQ = `SELECT seq, fingerprint FROM identity WHERE identity = ? AND ${IS_LIVING}`;

/**
 * SQL: the position up to which an erasure under way hides the rows of `@user`. With
 * it a read skips the rows of a doomed user at once instead of one by one.
 */
export const HIDDEN_UP_TO = 'ifnull((SELECT max(reach) FROM erasing WHERE erasing.user = @user), 0)';

/** SQL: makes a rebuild due for the erasure under way that dooms the event at a position; parameters reason and position. */
export const DUE_FOR_DOOMED = `INSERT OR IGNORE INTO rebuild_due SELECT erasing.seq, ? FROM erasing JOIN identity
  ON identity.person = erasing.person WHERE identity.seq = ? ORDER BY erasing.seq LIMIT 1`;

/** A user whom an erasure forgets. */
export interface Forgotten {
  user: string;
  /** Sequence of the record of the erasure. */
  seq: number;
  /** Sequence up to which the user's events go. */
  reach: number;
  /** Reports that remaining rows would be different without these events: a rebuild is due for this reason. */
  due(reason: string): void;
}

/** The first slice of an erasure. */
export interface CutOff extends Forgotten {
  /** Sessions that this user linked. */
  sessions: readonly string[];
  /** Sequence of the user's first event; undefined for a user without events. */
  first: number | undefined;
}

/** A slice. */
export interface Slice extends Forgotten {
  /** What {@link ForgetRows.cutOff} gave. */
  owner: string;
  /** Sequences of events of the user, in order. */
  seqs: readonly number[];
}

/** How a service removes a forgotten user's rows from its own tables, as if the log had never held the events. */
export interface ForgetRows<Tables> {
  /**
   * Removes what the fold of later events must not find: links, the profile. The rest it finds by {@link isKept}.
   * Returns the id under which the user's rows are: the user's, or that of the user who linked it.
   */
  cutOff(gone: CutOff, tables: Tables): string;
  /** Removes the rows of these events. */
  remove(slice: Slice, tables: Tables): void;
  /** Called when no row of the user's events is left. */
  end?(gone: Forgotten & { owner: string }, tables: Tables): void;
}

/** An erasure under way. */
export interface Doomed {
  /** Sequence of its record. */
  seq: number;
  person: number;
  user: string;
  owner: string;
  reach: number;
}

/** {@link ForgetRows} of a service, with its tables. */
export interface ForgetOwnRows {
  cutOff(gone: CutOff): string;
  remove(slice: Slice): void;
  end(gone: Forgotten & { owner: string }): void;
}

export interface ErasingOptions extends Omit<ForgetOwnRows, 'cutOff'> {
  addDue: (seq: number, reason: string) => void;
  /** Called when the projection holds nothing more of a data subject. */
  onGone: (user: string) => void;
}

export interface Erasing {
  /** Erasures under way, in the order of their records. */
  all(): Doomed[];
  underWay(): boolean;
  add(doomed: Doomed): void;
  /** Stores the id under which the rows of an erasure are. */
  setOwner(seq: number, owner: string): void;
  /** Whether a data subject has events or dead letters that no erasure under way removes. */
  remains(person: number, user: string): boolean;
  /** Removes the number of a data subject who has nothing left, and whom no erasure under way removes. */
  release(person: number, user: string): void;
  /** The next slice: removes at most so many events or dead letters, and returns how many; ends erasures on the way. */
  slice(limit: number): number;
  /** Removes the event with an identity if it is doomed, because another event needs the identity. */
  takeOver(identity: string): boolean;
}

export function createErasing(db: Database, { addDue, remove, end, onGone }: ErasingOptions): Erasing {
  const all = db.prepare<[], Doomed>('SELECT seq, person, user, owner, reach FROM erasing ORDER BY seq');
  const add = db.prepare('INSERT OR REPLACE INTO erasing (seq, person, user, owner, reach) VALUES (?, ?, ?, ?, ?)');
  const setOwner = db.prepare('UPDATE erasing SET owner = ? WHERE seq = ?');
  const done = db.prepare('DELETE FROM erasing WHERE seq = ?');
  const next = db.prepare<[number, number, number], { identity: string; seq: number }>(
    'SELECT identity, seq FROM identity WHERE person = ? AND seq <= ? ORDER BY seq LIMIT ?',
  );
  const doomedBy = db.prepare<[string], Doomed & { event: number }>(
    `SELECT erasing.seq, erasing.person, user, owner, reach, identity.seq AS event FROM identity
     JOIN erasing ON erasing.person = identity.person AND identity.seq <= erasing.reach
     WHERE identity.identity = ? ORDER BY erasing.seq LIMIT 1`,
  );
  const dropIdentity = db.prepare('DELETE FROM identity WHERE identity = ?');
  const dropBack = db.prepare('DELETE FROM said_back WHERE seq = ?');
  const dropDead = db.prepare(
    `DELETE FROM dead_letter WHERE seq IN
     (SELECT seq FROM dead_letter WHERE subject >= ? AND subject < ? AND seq <= ? ORDER BY seq LIMIT ?)`,
  );
  const reachOf = db.prepare<[number], number>('SELECT ifnull(max(reach), -1) FROM erasing WHERE person = ?').pluck();
  const identityAfter = db.prepare<[number, number], unknown>(
    'SELECT 1 FROM identity WHERE person = ? AND seq > ? LIMIT 1',
  );
  const deadAfter = db.prepare<[string, string, number], unknown>(
    'SELECT 1 FROM dead_letter WHERE subject >= ? AND subject < ? AND seq > ? LIMIT 1',
  );
  const dropPerson = db.prepare('DELETE FROM person WHERE id = ?');

  const gone = ({ seq, user, reach, owner }: Doomed) => ({
    seq,
    user,
    reach,
    owner,
    due: (reason: string) => addDue(seq, reason),
  });

  function removeEvents(doomed: Doomed, events: readonly { identity: string; seq: number }[]): void {
    const of = gone(doomed);
    // The service still finds out by the identities which events are doomed, those of this slice among them.
    remove({ ...of, seqs: events.map((event) => event.seq) });
    for (const { identity, seq } of events) {
      dropIdentity.run(identity);
      if (dropBack.run(seq).changes > 0) of.due('the user had retracted an event of another id');
    }
  }

  const subjects = (user: string): [from: string, to: string][] =>
    ['user', 'feedback'].map((context) => {
      const token = `ev.${context}.${encodeToken(user)}`;
      return [`${token}.`, `${token}/`];
    });

  function remains(person: number, user: string): boolean {
    const reach = reachOf.get(person) as number;
    if (identityAfter.get(person, reach) !== undefined) return true;
    return subjects(user).some(([from, to]) => deadAfter.get(from, to, reach) !== undefined);
  }

  function finish(doomed: Doomed): void {
    end(gone(doomed));
    done.run(doomed.seq);
    release(doomed.person, doomed.user);
  }

  /** The row stays while dead letters after the fence exist, so that another erasure of the user finds them. */
  function release(person: number, user: string): void {
    if ((reachOf.get(person) as number) >= 0 || remains(person, user)) return;
    dropPerson.run(person);
    onGone(user);
  }

  return {
    all: () => all.all(),
    underWay: () => all.get() !== undefined,
    add: ({ seq, person, user, owner, reach }) => void add.run(seq, person, user, owner, reach),
    setOwner: (seq, owner) => void setOwner.run(owner, seq),
    remains,
    release,
    slice: (limit) => {
      let left = limit;
      for (const doomed of all.all()) {
        const events = next.all(doomed.person, doomed.reach, left);
        if (events.length > 0) removeEvents(doomed, events);
        left -= events.length;
        for (const [from, to] of subjects(doomed.user))
          if (left > 0) left -= dropDead.run(from, to, doomed.reach, left).changes;
        if (left <= 0) break;
        finish(doomed);
      }
      return limit - left;
    },
    takeOver: (identity) => {
      const found = doomedBy.get(identity);
      if (!found) return false;
      removeEvents(found, [{ identity, seq: found.event }]);
      return true;
    },
  };
}

/** The limit of a slice in calls that do not share their time with others: everything at once. */
export const ALL_AT_ONCE = Number.MAX_SAFE_INTEGER;
