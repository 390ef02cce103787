/** The endpoints of the user service for erasures. */
import type { Database } from 'better-sqlite3';
import type { Coordinator } from '../bus/erasure/coordinator.ts';
import type { Endpoint } from '../bus/nats/micro.ts';
import { requiredId } from '../bus/nats/request.ts';

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

export function forgetEndpoints(coordinator: () => Coordinator): Record<string, Endpoint> {
  return {
    forget: {
      description: 'Erases a user and all linked sessions. Answers with the erasure, which continues in the background',
      example: { user: 'u42' },
      handle: (request) => coordinator().forget(requiredId(request, 'user')),
    },
    erasure: {
      description: 'Progress of an erasure by service, or of all erasures without an id',
      example: { erasure: '5f1c0a9be4d2738806aa41c7' },
      handle: async (request) =>
        request.erasure === undefined
          ? { erasures: await coordinator().list() }
          : coordinator().status(requiredId(request, 'erasure')),
    },
  };
}
