/**
 * Puts of users' rankings that are on their way to KV. A put may be stored after the erasure of its user has purged the
 * key, so the engine purges the key of a user who was forgotten meanwhile once more after the put.
 */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { RANKINGS } from '../../../streams.config.ts';
import { encodeToken } from '../../bus/event/ids.ts';
import { isNotFound } from '../../bus/nats/connection.ts';
import { onceMade } from '../../bus/nats/once-made.ts';
import { announceRemoval } from '../../bus/streams/announce-removal.ts';
import { messageOf } from '../../errors.ts';

/** Milliseconds until the engine tries a failed purge again. */
const RETRY_MS = 1_000;

export interface UserPutsOptions {
  nc: NatsConnection;
  logger: Pick<Logger, 'warn'>;
  /** Called once the key of a forgotten user is purged, with the last ranking that {@link UserPuts.defer} got. */
  onPurged: (user: string, since: number | undefined) => void;
}

export interface UserPuts {
  begin(user: string): void;
  /** The put was stored, or failed. Returns true if its user was forgotten since it began. */
  end(user: string): boolean;
  forget(user: string): void;
  /**
   * Remembers a new ranking of a forgotten user, who acted again under the same id, until the engine has purged the key.
   * Returns false if no purge of the key is running, so that the ranking need not wait.
   *
   * @param since when the ranking became pending; milliseconds, monotonic
   */
  defer(user: string, since: number): boolean;
  /** Keys that the engine has not purged yet. */
  purges(): number;
}

interface Purge {
  /** Puts that are still on their way. */
  puts: number;
  /** When a new ranking became pending; undefined if none is pending. */
  since: number | undefined;
}

export function createUserPuts({ nc, logger, onPurged }: UserPutsOptions): UserPuts {
  const puts = new Map<string, number>();
  const purges = new Map<string, Purge>();
  const manager = onceMade(() => nc.jetstreamManager({ checkAPI: false }));

  /** After a purge there is no marker with the user's id either. */
  async function purge(user: string): Promise<void> {
    try {
      const { streams } = await manager();
      const stream = `KV_${RANKINGS.name}`;
      const key = `user.${encodeToken(user)}`;
      await streams.info(stream);
      await announceRemoval(nc, RANKINGS.name, key);
      await streams.purge(stream, { filter: `$KV.${RANKINGS.name}.${key}` });
    } catch (err) {
      if (nc.isClosed()) return;
      // Without a bucket there is no key in it.
      if (!isNotFound(err)) {
        logger.warn(
          { reason: messageOf(err) },
          'the engine could not purge a forgotten user’s ranking; it tries again',
        );
        setTimeout(() => void purge(user), RETRY_MS).unref();
        return;
      }
    }
    const since = purges.get(user)?.since;
    purges.delete(user);
    onPurged(user, since);
  }

  return {
    begin: (user) => void puts.set(user, (puts.get(user) ?? 0) + 1),
    end: (user) => {
      const left = (puts.get(user) ?? 1) - 1;
      if (left > 0) puts.set(user, left);
      else puts.delete(user);
      const due = purges.get(user);
      if (!due) return false;
      due.puts--;
      if (due.puts === 0) void purge(user);
      return true;
    },
    forget: (user) => {
      const due = purges.get(user);
      const count = puts.get(user);
      if (due) due.since = undefined;
      else if (count !== undefined) purges.set(user, { puts: count, since: undefined });
    },
    defer: (user, since) => {
      const due = purges.get(user);
      if (!due) return false;
      due.since ??= since;
      return true;
    },
    purges: () => purges.size,
  };
}
