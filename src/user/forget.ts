/** The endpoints of the user service for erasures. */
import type { Database } from 'better-sqlite3';
import type { Coordinator } from '../bus/erasure/coordinator.ts';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import type { Config } from '../config/schema.ts';
import { userRequests } from './requests.ts';

/** The sessions that are linked to a user, directly or through other sessions. The most distant ones come first. */
export function sessionsOf(db: Database, user: string): string[] {
  const linked = db.prepare<[string], { session: string }>(
    'SELECT session FROM said_link WHERE claimant = ? ORDER BY seq',
  );
  const taken = db.prepare<[string], { claimant: string }>(
    'SELECT claimant FROM said_link WHERE session = ? ORDER BY seq LIMIT 1',
  );
  const found: string[] = [];
  for (const ids = [user], seen = new Set(ids); ids.length > 0; ) {
    const id = ids.shift() as string;
    for (const { session } of linked.all(id)) {
      // A session belongs to the user with the first link.
      if (seen.has(session) || taken.get(session)?.claimant !== id) continue;
      seen.add(session);
      ids.push(session);
      found.unshift(session);
    }
  }
  return found;
}

export function forgetEndpoints(coordinator: () => Coordinator, config: Config): Record<string, Endpoint> {
  const requests = userRequests(config);
  return {
    forget: defineEndpoint({
      description: 'Erases a user and all linked sessions. Answers with the erasure, which continues in the background',
      example: { user: 'u42' },
      request: requests.forget,
      handle: ({ user }) => coordinator().forget(user),
    }),
    erasure: defineEndpoint({
      description: 'Progress of an erasure by service, or of all erasures without an id',
      example: { erasure: '5f1c0a9be4d2738806aa41c7' },
      request: requests.erasure,
      handle: async ({ erasure }) =>
        erasure === undefined ? { erasures: await coordinator().list() } : coordinator().status(erasure),
    }),
  };
}
