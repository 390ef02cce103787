/**
 * Who watches which user's list. The engine puts a list into KV when it changes; a put is a message on the key's
 * subject, so a plain subscription hears of it, and the server keeps nothing for it. What is missed while the
 * connection is away is made up for by asking again when it is back.
 */
import type { NatsConnection, Subscription } from 'nats';
import { RANKINGS } from '../../streams.config.ts';
import { encodeToken } from '../bus/event/ids.ts';

export interface Watch {
  close(): void;
}

export interface Watching {
  /** Calls with the log position of each list of this user that is published; with 0 where one may have been missed. */
  watch(user: string, changed: (seq: number) => void): Watch;
  /** Watches of a user, and of all. */
  count(user?: string): number;
  /** There is a connection, another one or the same again. */
  follow(nc: NatsConnection): void;
}

interface Watched {
  listeners: Set<(seq: number) => void>;
  subscription: Subscription | undefined;
}

export function createWatching(): Watching {
  const users = new Map<string, Watched>();
  let connection: NatsConnection | undefined;
  let total = 0;

  function subscribe(user: string, { listeners }: Watched): Subscription | undefined {
    return connection?.subscribe(`$KV.${RANKINGS.name}.user.${encodeToken(user)}`, {
      callback: (err, message) => {
        if (err) return;
        const seq = seqOf(message.data);
        for (const listener of [...listeners]) listener(seq);
      },
    });
  }

  return {
    watch: (user, changed) => {
      const watched = users.get(user) ?? { listeners: new Set(), subscription: undefined };
      if (watched.listeners.size === 0) {
        watched.subscription = subscribe(user, watched);
        users.set(user, watched);
      }
      watched.listeners.add(changed);
      total++;
      return {
        close: () => {
          if (!watched.listeners.delete(changed)) return;
          total--;
          if (watched.listeners.size > 0) return;
          watched.subscription?.unsubscribe();
          users.delete(user);
        },
      };
    },
    count: (user) => (user === undefined ? total : (users.get(user)?.listeners.size ?? 0)),
    follow: (nc) => {
      // The client subscribes again by itself where the connection is the same.
      const another = connection !== nc;
      connection = nc;
      for (const [user, watched] of users) {
        if (another) watched.subscription = subscribe(user, watched);
        for (const listener of [...watched.listeners]) listener(0);
      }
    },
  };
}

/** Position that a published list was computed at; 0 for a deletion. */
function seqOf(data: Uint8Array): number {
  try {
    const { seq } = JSON.parse(Buffer.from(data).toString('utf8')) as { seq?: unknown };
    return Number.isSafeInteger(seq) ? (seq as number) : 0;
  } catch {
    return 0;
  }
}
