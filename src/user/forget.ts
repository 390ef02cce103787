/** Forgetting as the user service answers for it. */
import type { Database } from 'better-sqlite3';
import type { Coordinator } from '../bus/erasure/coordinator.ts';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import type { Config } from '../config/schema.ts';
import { userRequests } from './requests.ts';

/** Sessions linked to a user, and those linked to these; those furthest from the user first. */
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
      // A session belongs to whoever said so first.
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
      description:
        'Forgets a user for good, their sessions included; answers with the erasure, which goes on by itself',
      example: { user: 'u42' },
      request: requests.forget,
      handle: ({ user }) => coordinator().forget(user),
    }),
    erasure: defineEndpoint({
      description: 'How far an erasure is, by service; all of them without an id',
      example: { erasure: '5f1c0a9be4d2738806aa41c7' },
      request: requests.erasure,
      handle: async ({ erasure }) =>
        erasure === undefined ? { erasures: await coordinator().list() } : coordinator().status(erasure),
    }),
  };
}
