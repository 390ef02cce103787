/** The projection of profiles and histories: what each event about a user writes. */
import type { Database, Statement } from 'better-sqlite3';
import type { LoggedEvent } from '../bus/event/codec.ts';
import { eventIdentity } from '../bus/event/ids.ts';
import { countedTime } from '../bus/event/time.ts';
import { foldTraits } from '../bus/event/traits.ts';
import type { InteractionData } from '../bus/event/types.ts';
import type { Forgotten } from '../bus/projection/data-subjects.ts';
import type { ProjectionDefinition } from '../bus/projection/definition.ts';
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
  holds: Statement<[string, string, string], { n: number }>;
}

export function userProjection(config: Config): ProjectionDefinition<UserTables> {
  return {
    service: 'user',
    code: 2,
    inputs: { declared: [...config.events.declared].sort() },
    schema: SCHEMA,
    tables: prepareTables,
    apply: applyUserEvent,
    forget: forgetUser,
    personalData: PERSONAL_DATA,
  };
}

function prepareTables(db: Database): UserTables {
  return {
    links: prepareSessionLinks(db),
    seen: db.prepare(`INSERT INTO profile VALUES (?, NULL, '{}', ?) ON CONFLICT DO NOTHING`),
    interact: db.prepare('INSERT INTO interaction VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    profileEvent: db.prepare('INSERT INTO profile_event VALUES (?, ?, ?, ?, ?)'),
    profileEvents: db.prepare('SELECT type, time, traits FROM profile_event WHERE user = ? ORDER BY seq'),
    setProfile: db.prepare('UPDATE profile SET registered = ?, traits = ? WHERE user = ?'),
    identitySeq: db.prepare('SELECT seq FROM identity WHERE identity = ?'),
    dropInteraction: db.prepare('DELETE FROM interaction WHERE user = ? AND seq = ?'),
    dropProfileEvent: db.prepare('DELETE FROM profile_event WHERE user = ? AND seq = ?'),
    keepEventTime: db.prepare('INSERT INTO event_time VALUES (?, ?)'),
    dropEventTime: db.prepare('DELETE FROM event_time WHERE seq = ?'),
    moveInteractions: db.prepare('UPDATE interaction SET user = ? WHERE user = ?'),
    moveProfileEvents: db.prepare('UPDATE profile_event SET user = ? WHERE user = ?'),
    dropProfile: db.prepare('DELETE FROM profile WHERE user = ?'),
    holds: db.prepare(
      `SELECT EXISTS (SELECT 1 FROM interaction WHERE user = ?) + EXISTS (SELECT 1 FROM profile_event WHERE user = ?)
       + EXISTS (SELECT 1 FROM link WHERE user = ?) AS n`,
    ),
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
function forgetUser({ user, seqs, sessions, due }: Forgotten, tables: UserTables): void {
  const root = tables.links.ownerOf(user);
  for (const seq of seqs) {
    tables.dropInteraction.run(root, seq);
    tables.dropProfileEvent.run(root, seq);
    tables.dropEventTime.run(seq);
  }
  tables.links.unlink(sessions, root);
  if (root !== user) {
    if (sessions.length > 0) due('sessions of the user are linked to another user');
    refoldProfile(root, tables);
    return;
  }
  if ((tables.holds.get(user, user, user) as { n: number }).n === 0) {
    tables.dropProfile.run(user);
    return;
  }
  due('rows of linked sessions remain');
  refoldProfile(user, tables);
}
