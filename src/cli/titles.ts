/** Titles of items, from the content service. If that service is down, lists appear without titles. */
import type { NatsConnection } from 'nats';
import { call } from '../bus/nats/micro.ts';
import type { ItemAnswer } from '../content/api.ts';

/** Milliseconds to wait for the content service. It is short, because a list is useful without titles. */
const TITLES_MS = 2_000;

export async function titlesOf(nc: NatsConnection, items: readonly string[]): Promise<Map<string, string>> {
  if (items.length === 0) return new Map();
  try {
    const answer = await call<{ items: ItemAnswer[] }>(
      nc,
      'freshet.content.get',
      { items: [...new Set(items)] },
      { timeoutMs: TITLES_MS },
    );
    return new Map(answer.items.map(({ item, title }) => [item, title]));
  } catch {
    return new Map();
  }
}
