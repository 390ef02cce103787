/** The requests of a load: lists for random users, and events about items of the catalogue. */
import { randomBytes } from 'node:crypto';
import { createRandom, type Random } from '../../src/demo/random.ts';
import type { HttpRequest } from './drive.ts';

/** Media type of several events in one request. */
const BATCH = 'application/cloudevents-batch+json';
/** Publisher of the events of a load. */
const SOURCE = 'freshet-load';

export interface UserPattern {
  /** `reader-{n}`: {n} is a number from 1 to `count`. */
  pattern: string;
  count: number;
}

export const userOf = ({ pattern, count }: UserPattern, random: Random): string =>
  pattern.replace('{n}', String(1 + random.below(count)));

export interface ListRequests {
  users: UserPattern;
  n: number;
  /** Milliseconds that a list may be old; undefined: as configured. */
  maxAgeMs: number | undefined;
  seed: number;
}

export function listRequests({ users, n, maxAgeMs, seed }: ListRequests): () => HttpRequest {
  const random = createRandom(seed);
  const rest = `?n=${n}${maxAgeMs === undefined ? '' : `&max_age_ms=${maxAgeMs}`}`;
  return () => ({
    method: 'GET',
    path: `/v1/users/${encodeURIComponent(userOf(users, random))}/recommendations${rest}`,
  });
}

export interface EventRequests {
  /** Users of the events. */
  users: UserPattern;
  items: readonly string[];
  /** Events in one request. */
  batch: number;
  seed: number;
}

/** Views of items of the catalogue; each run has its own ids. */
export function viewsOf({ users, items, seed }: Omit<EventRequests, 'batch'>): () => object {
  const random = createRandom(seed);
  const run = randomBytes(6).toString('hex');
  let count = 0;
  return () => ({
    specversion: '1.0',
    id: `${run}-${++count}`,
    source: SOURCE,
    type: 'user.viewed.v1',
    subject: userOf(users, random),
    time: new Date().toISOString(),
    data: { item: items[random.below(items.length)] },
  });
}

export function eventRequests({ batch, ...of }: EventRequests): () => HttpRequest {
  const view = viewsOf(of);
  return () => ({
    method: 'POST',
    path: '/v1/events',
    headers: { 'content-type': BATCH },
    body: JSON.stringify(Array.from({ length: batch }, view)),
  });
}
