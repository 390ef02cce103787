/** The endpoints of the user service. */
import type { Database } from 'better-sqlite3';
import type { Traits } from '../bus/event/traits.ts';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import { HIDDEN_UP_TO, isKept } from '../bus/projection/erasing.ts';
import { prepareSessionLinks } from '../bus/projection/session-links.ts';
import type { Config } from '../config/schema.ts';
import { NotFoundError } from '../errors.ts';
import { userRequests } from './requests.ts';

export interface UserAnswer {
  user: string;
  /** RFC 3339; null for a user with interactions and without a registration. */
  registered: string | null;
  traits: Traits;
  /** Number of interactions in the history. */
  events: number;
  /** Newest counted time of the interactions; null without any. */
  last_seen: string | null;
  /** Anonymous sessions that are linked to this user. */
  sessions: string[];
}

export interface FoundUsersAnswer {
  /** In order of id. */
  users: { user: string; registered: string | null }[];
  /** Whether more users match. */
  more: boolean;
}

export interface HistoryEvent {
  id: string;
  type: string;
  item: string;
  value?: number;
  /** Event time, as its publisher gave it. */
  time: string;
  seq: number;
}

export interface HistoryAnswer {
  user: string;
  /** Newest first. */
  events: HistoryEvent[];
  /** `before` of the next page; null for the last page. */
  next: number | null;
}

interface InteractionRow {
  id: string;
  type: string;
  item: string;
  value: number | null;
  time: number;
  seq: number;
}

export function userEndpoints(db: Database, config: Config): Record<string, Endpoint> {
  const links = prepareSessionLinks(db);
  const profile = db.prepare<[string], { registered: number | null; traits: string }>(
    'SELECT registered, traits FROM profile WHERE user = ?',
  );
  const summary = db.prepare<[{ user: string }], { events: number; last: number | null }>(
    `SELECT count(*) AS events, max(time) AS last FROM interaction
     WHERE user = @user AND seq > ${HIDDEN_UP_TO} AND ${isKept('interaction.seq')}`,
  );
  const page = db.prepare<[{ user: string; before: number; limit: number }], InteractionRow>(
    `SELECT id, type, item, value, coalesce(event_time.time, interaction.time) AS time, seq
     FROM interaction LEFT JOIN event_time USING (seq)
     WHERE user = @user AND seq < @before AND seq > ${HIDDEN_UP_TO} AND ${isKept('interaction.seq')} ORDER BY seq DESC LIMIT @limit`,
  );

  function find(id: string): { user: string; registered: number | null; traits: string } {
    const user = links.ownerOf(id);
    const row = profile.get(user);
    if (!row)
      throw new NotFoundError(`The log has no event of user ${JSON.stringify(id)}.`, {
        next: 'check the id, or publish a user.registered.v1 or an interaction of the user',
        details: { user: id },
      });
    return { user, ...row };
  }

  function get(id: string): UserAnswer {
    const { user, registered, traits } = find(id);
    const { events, last } = summary.get({ user }) as { events: number; last: number | null };
    return {
      user,
      registered: registered === null ? null : new Date(registered).toISOString(),
      traits: JSON.parse(traits) as Traits,
      events,
      last_seen: last === null ? null : new Date(last).toISOString(),
      sessions: links.sessionsOf(user),
    };
  }

  function history(id: string, n: number, before: number): HistoryAnswer {
    const { user } = find(id);
    const rows = page.all({ user, before, limit: n + 1 });
    const events = rows.slice(0, n).map(
      ({ value, time, ...row }): HistoryEvent => ({
        ...row,
        ...(value === null ? {} : { value }),
        time: new Date(time).toISOString(),
      }),
    );
    return { user, events, next: rows.length > n ? (events.at(-1)?.seq ?? null) : null };
  }

  // No id holds a character behind the last one of Unicode.
  const beginning = db.prepare<object, { user: string; registered: number | null }>(
    `SELECT user, registered FROM profile WHERE user >= @q AND user < @q || char(0x10FFFF) ORDER BY user LIMIT @limit`,
  );
  function search(q: string, n: number): FoundUsersAnswer {
    const rows = beginning.all({ q, limit: n + 1 });
    const users = rows.slice(0, n).map(({ user, registered }) => ({
      user,
      registered: registered === null ? null : new Date(registered).toISOString(),
    }));
    return { users, more: rows.length > n };
  }

  const requests = userRequests(config);
  return {
    search: defineEndpoint({
      description: 'Users whose ids begin with a text, in order of id',
      example: { q: 'u4', n: 5 },
      request: requests.search,
      handle: ({ q, n = config.user.search_default }) => search(q, n),
    }),
    get: defineEndpoint({
      description: 'Profile of a user: traits, time of registration, number of events',
      example: { user: 'u42' },
      request: requests.get,
      handle: ({ user }) => get(user),
    }),
    history: defineEndpoint({
      description: 'Interactions of a user, newest first, page by page',
      example: { user: 'u42', n: 20 },
      request: requests.history,
      handle: ({ user, n = config.user.history_default, before = Number.MAX_SAFE_INTEGER }) => history(user, n, before),
    }),
  };
}
