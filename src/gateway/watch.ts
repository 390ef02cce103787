/**
 * The users whose lists are watched. The engine puts a list into KV when it changes; a put is a message on the key's
 * subject, so a plain subscription gets it, and the server keeps no state for it. Readers request a list again if they
 * may have missed one, as while the connection was away.
 */
import type { NatsConnection, Subscription } from 'nats';
import { RANKINGS } from '../../streams.config.ts';
import { encodeToken } from '../bus/event/ids.ts';
import { traceOfHeaders } from '../bus/nats/headers.ts';
import type { Trace } from '../observability/tracing/trace-context.ts';
import { type PublishedList, readPublishedList } from './published-list.ts';

export interface Watch {
  close(): void;
}

/**
 * Gets each list of the user that the engine publishes; undefined: the list was deleted, or the gateway may have missed one.
 * `trace`: of the event that moved the list.
 */
export type WatchListener = (published: PublishedList | undefined, trace: Trace | undefined) => void;

export interface Watching {
  watch(user: string, listener: WatchListener): Watch;
  /** Watches of a user, or of all users. */
  count(user?: string): number;
  /** The gateway is connected: by a new connection, or by the same one again. */
  follow(nc: NatsConnection): void;
}

interface Watched {
  listeners: Set<WatchListener>;
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
        // Parsed once, however many readers there are.
        const published = readPublishedList(message.data);
        const trace = traceOfHeaders(message.headers);
        for (const listener of [...listeners]) listener(published, trace);
      },
    });
  }

  return {
    watch: (user, listener) => {
      const watched = users.get(user) ?? { listeners: new Set(), subscription: undefined };
      if (watched.listeners.size === 0) {
        watched.subscription = subscribe(user, watched);
        users.set(user, watched);
      }
      watched.listeners.add(listener);
      total++;
      return {
        close: () => {
          if (!watched.listeners.delete(listener)) return;
          total--;
          if (watched.listeners.size > 0) return;
          watched.subscription?.unsubscribe();
          users.delete(user);
        },
      };
    },
    count: (user) => (user === undefined ? total : (users.get(user)?.listeners.size ?? 0)),
    follow: (nc) => {
      // The client subscribes again by itself if the connection is the same.
      const another = connection !== nc;
      connection = nc;
      for (const [user, watched] of users) {
        if (another) watched.subscription = subscribe(user, watched);
        for (const listener of [...watched.listeners]) listener(undefined, undefined);
      }
    },
  };
}
