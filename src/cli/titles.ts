/** Titles of items, from the content service; a list is shown without them where that is down. */
import type { NatsConnection } from 'nats';
import { call } from '../bus/nats/micro.ts';
import type { ItemAnswer } from '../content/api.ts';

/** Milliseconds that the content service has; titles are a courtesy. */
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
