/** The projection of profiles and histories: what each event about a user writes. */
import type { Database, Statement } from 'better-sqlite3';
import type { LoggedEvent } from '../bus/event/codec.ts';
import { eventIdentity } from '../bus/event/ids.ts';
import { countedTime } from '../bus/event/time.ts';
import { foldTraits } from '../bus/event/traits.ts';
import type { InteractionData } from '../bus/event/types.ts';
import type { ProjectionDefinition } from '../bus/projection/definition.ts';
import { type ForgetRows, IDENTITY_SEQ, isKept } from '../bus/projection/erasing.ts';
import { ofEvents, type PersonalDataRows } from '../bus/projection/personal-data.ts';
import {
  prepareSessionLinks,
  SESSION_LINKS_DATA,
  SESSION_LINKS_SCHEMA,
  type SessionLinks,
} from '../bus/projection/session-links.ts';
import type { Config } from '../config/schema.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS profile (
  user TEXT PRIMARY KEY, registered INTEGER, traits TEXT NOT NULL, first_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS profile_event (
  user TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, time INTEGER NOT NULL, traits TEXT NOT NULL, PRIMARY KEY (user, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS interaction (
  user TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, item TEXT NOT NULL, value REAL, list TEXT, time INTEGER NOT NULL,
  id TEXT NOT NULL, PRIMARY KEY (user, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event_time (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL) STRICT;
${SESSION_LINKS_SCHEMA}`;

const PERSONAL_DATA: readonly PersonalDataRows[] = [
  { part: 'profile', sql: 'SELECT user AS key, profile.* FROM profile WHERE user = @user' },
  { part: 'profile_event', sql: 'SELECT seq AS key, profile_event.* FROM profile_event WHERE user = @user' },
  { part: 'event_time', sql: ofEvents('event_time') },
  { part: 'interaction', sql: 'SELECT seq AS key, interaction.* FROM interaction WHERE user = @user' },
  SESSION_LINKS_DATA,
];

export interface UserTables {
  links: SessionLinks;
  seen: Statement;
  interact: Statement;
  profileEvent: Statement;
  profileEvents: Statement<[string], { type: string; time: number; traits: string }>;
  setProfile: Statement;
  identitySeq: Statement<[string], { seq: number }>;
  dropInteraction: Statement;
  dropProfileEvent: Statement;
  keepEventTime: Statement;
  dropEventTime: Statement;
  moveInteractions: Statement;
  moveProfileEvents: Statement;
  dropProfile: Statement;
  /** Position of the user's first row in a range: from, to. */
  firstRow: Statement<[{ user: string; from: number; to: number }], { seq: number | null }>;
  linked: Statement<[string], { session: string }>;
}

export function userProjection(config: Config): ProjectionDefinition<UserTables> {
  return {
    service: 'user',
    code: 2,
    inputs: { declared: [...config.events.declared].sort() },
    schema: SCHEMA,
    tables: prepareTables,
    apply: applyUserEvent,
    forget: FORGET_ROWS,
    personalData: PERSONAL_DATA,
  };
}

function prepareTables(db: Database): UserTables {
  return {
    links: prepareSessionLinks(db),
    seen: db.prepare(`INSERT INTO profile VALUES (?, NULL, '{}', ?) ON CONFLICT DO NOTHING`),
    interact: db.prepare('INSERT INTO interaction VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    profileEvent: db.prepare('INSERT INTO profile_event VALUES (?, ?, ?, ?, ?)'),
    profileEvents: db.prepare(
      `SELECT type, time, traits FROM profile_event WHERE user = ? AND ${isKept('profile_event.seq')} ORDER BY seq`,
    ),
    setProfile: db.prepare('UPDATE profile SET registered = ?, traits = ? WHERE user = ?'),
    identitySeq: db.prepare(IDENTITY_SEQ),
    dropInteraction: db.prepare('DELETE FROM interaction WHERE user = ? AND seq = ?'),
    dropProfileEvent: db.prepare('DELETE FROM profile_event WHERE user = ? AND seq = ?'),
    keepEventTime: db.prepare('INSERT INTO event_time VALUES (?, ?)'),
    dropEventTime: db.prepare('DELETE FROM event_time WHERE seq = ?'),
    moveInteractions: db.prepare(`UPDATE interaction SET user = ? WHERE user = ? AND ${isKept('interaction.seq')}`),
    moveProfileEvents: db.prepare(
      `UPDATE profile_event SET user = ? WHERE user = ? AND ${isKept('profile_event.seq')}`,
    ),
    dropProfile: db.prepare('DELETE FROM profile WHERE user = ?'),
    firstRow: db.prepare(
      `SELECT min(seq) AS seq FROM (
         SELECT min(seq) AS seq FROM interaction WHERE user = @user AND seq > @from AND seq <= @to
         UNION ALL SELECT min(seq) FROM profile_event WHERE user = @user AND seq > @from AND seq <= @to)`,
    ),
    linked: db.prepare('SELECT session FROM link WHERE user = ? LIMIT 1'),
  };
}

function applyUserEvent(event: LoggedEvent, tables: UserTables): void {
  if (event.context !== 'user') return;
  const user = tables.links.ownerOf(event.subject);
  switch (event.type) {
    case 'user.registered.v1':
    case 'user.updated.v1':
      tables.seen.run(user, event.seq);
      tables.profileEvent.run(
        user,
        event.seq,
        event.type,
        timeIn(event, tables),
        JSON.stringify(event.data.traits ?? {}),
      );
      refoldProfile(user, tables);
      return;
    case 'user.linked.v1':
      tables.seen.run(user, event.seq);
      linkSession(event.data.session, user, tables);
      return;
    case 'user.retracted.v1':
      retract(user, eventIdentity(event.data.source, event.data.id), tables);
      return;
    default: {
      const { item, value, list } = event.data as InteractionData;
      tables.seen.run(user, event.seq);
      tables.interact.run(
        user,
        event.seq,
        event.type,
        item,
        value ?? null,
        list ?? null,
        timeIn(event, tables),
        event.id,
      );
    }
  }
}

/** The counted time of an event. Stores the event time as well if that is another one, for the history. */
function timeIn(event: LoggedEvent, tables: UserTables): number {
  const time = countedTime(event);
  if (event.time !== time) tables.keepEventTime.run(event.seq, event.time);
  return time;
}

/** Folds the traits from all trait events of the user, which are few. So a retraction needs no code of its own. */
function refoldProfile(user: string, tables: UserTables): void {
  const events = tables.profileEvents.all(user);
  const registered = events.find(({ type }) => type === 'user.registered.v1')?.time ?? null;
  const traits = foldTraits(events.map(({ type, traits }) => ({ type, traits: JSON.parse(traits) })));
  tables.setProfile.run(registered, JSON.stringify(traits), user);
}

/** Moves the events of a session to the user, in the order of the log. The first link of a session wins. */
function linkSession(session: string, user: string, tables: UserTables): void {
  if (!tables.links.link(session, user)) return;
  tables.moveInteractions.run(user, session);
  tables.moveProfileEvents.run(user, session);
  tables.dropProfile.run(session);
  refoldProfile(user, tables);
}

/** Removes an event of this user. Ignores events of other users and unknown events. */
function retract(user: string, identity: string, tables: UserTables): void {
  const seq = tables.identitySeq.get(identity)?.seq;
  if (seq === undefined) return;
  const interaction = tables.dropInteraction.run(user, seq).changes > 0;
  const profile = !interaction && tables.dropProfileEvent.run(user, seq).changes > 0;
  if (interaction || profile) tables.dropEventTime.run(seq);
  if (profile) refoldProfile(user, tables);
}

/** Removes the rows of the user, wherever links have moved them. */
const FORGET_ROWS: ForgetRows<UserTables> = {
  cutOff: ({ user, reach, seq, sessions, due }, tables) => {
    const root = tables.links.ownerOf(user);
    tables.links.unlink(sessions, root);
    if (root !== user) {
      if (sessions.length > 0) due('sessions of the user are linked to another user');
      refoldProfile(root, tables);
      return root;
    }
    tables.dropProfile.run(user);
    if (tables.linked.get(user)) due(ROWS_REMAIN);
    // The user's events after the fence; a rebuild is due because of them.
    keepProfile(user, reach, seq, tables);
    return user;
  },
  remove: ({ owner, seqs }, tables) => {
    for (const seq of seqs) {
      tables.dropInteraction.run(owner, seq);
      tables.dropProfileEvent.run(owner, seq);
      tables.dropEventTime.run(seq);
    }
  },
  end: ({ user, owner, reach, due }, tables) => {
    if (owner === user && keepProfile(user, -1, reach, tables)) due(ROWS_REMAIN);
  },
};
const ROWS_REMAIN = 'rows of linked sessions remain';

/** Writes the profile of a user again if rows in a range of positions are left. */
function keepProfile(user: string, from: number, to: number, tables: UserTables): boolean {
  const { seq } = tables.firstRow.get({ user, from, to }) as { seq: number | null };
  if (seq === null) return false;
  tables.seen.run(user, seq);
  refoldProfile(user, tables);
  return true;
}
