/** The order of found items for a user: the engine ranks them, as it ranks any candidates that a caller brings. */
import type { NatsConnection } from 'nats';
import { call } from '../../bus/nats/micro.ts';
import { RemoteProblemError } from '../../bus/nats/problem.ts';
import type { Warning } from '../../bus/nats/warning.ts';
import { ServiceUnavailableError } from '../../errors.ts';

export interface Ordered<T> {
  items: T[];
  /** Why the items are in the order of their texts still. */
  warning?: Warning;
}

export interface UserOrderOptions {
  nc: NatsConnection;
  /** Milliseconds that the engine has. */
  timeoutMs: number;
}

/**
 * Puts the items that the engine ranks for the user first, in its order. It leaves out some, such as those that the user
 * dismissed: they follow in the order of their texts. Without an answer of the engine that order stays.
 */
export async function orderForUser<T extends { item: string }>(
  user: string,
  items: readonly T[],
  { nc, timeoutMs }: UserOrderOptions,
): Promise<Ordered<T>> {
  if (items.length === 0) return { items: [] };
  const request = { user, candidates: items.map(({ item }) => item), n: items.length, include_seen: true };
  try {
    const { items: ranked } = await call<{ items: { item: string }[] }>(nc, 'freshet.engine.recommend', request, {
      timeoutMs,
    });
    const places = new Map(ranked.map(({ item }, place) => [item, place]));
    const placeOf = ({ item }: T): number => places.get(item) ?? items.length;
    return { items: items.toSorted((a, b) => placeOf(a) - placeOf(b)) };
  } catch (err) {
    if (!(err instanceof ServiceUnavailableError || err instanceof RemoteProblemError)) throw err;
    return {
      items: [...items],
      warning: {
        code: 'FRESHET_ORDER_OF_TEXT',
        member: 'user',
        message: `The engine did not rank the items for the user, so they are in the order of their texts. ${err.message} Search again later; freshet status shows the engine.`,
      },
    };
  }
}
