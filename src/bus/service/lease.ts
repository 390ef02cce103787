/**
 * A lease chooses one of several processes to do a job. It is a key in KV that its holder renews again and again. No
 * process compares its clock with another's: a process counts a lease as lapsed once it has seen the key unchanged for
 * as long as a lease lasts, by its own clock. Every step is a compare-and-set.
 */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { LEASES } from '../../../streams.config.ts';
import { messageOf } from '../../errors.ts';
import { onceMade } from '../nats/once-made.ts';
import { createPoller } from '../nats/poller.ts';

/** Polls, and renewals, in the time that a lease lasts. */
const POLLS = 4;

export interface LeaseOptions {
  nc: NatsConnection;
  /** Key of the lease in the bucket. */
  key: string;
  /** Name of this process. After a restart under the same name it takes its lease again without a wait. */
  holder: string;
  /** Milliseconds without a renewal after which a lease has lapsed. */
  lapseMs: number;
  /** Whether this process may take the lease now. */
  ready: () => boolean;
  /** Whether this process must give the lease back now. */
  refuses: () => boolean;
  /**
   * Takes the job over. The lease calls it once the key is this process's, and does not renew the key until it has
   * ended: another process takes over from one that hangs in it. If it throws, the lease calls `onLost`, gives the key
   * back, and tries again after `lapseMs`.
   */
  onGained: () => void | Promise<void>;
  /**
   * Ends the job. The lease calls it, and waits for it, when the key is lost or given back, also after an `onGained`
   * that threw half-way. The lease logs what it throws and goes on.
   */
  onLost: () => void | Promise<void>;
  logger: Logger;
}

export interface Lease {
  /**
   * Whether this process does the job now: the key is its own, `onGained` has ended, and the last renewal is no older
   * than the lease lasts. A process that was paused fails the last condition before it hears of another holder.
   */
  held(): boolean;
  start(): void;
  /** Gives the lease back, so that another process can take it at once. Does not throw. */
  stop(): Promise<void>;
}

/** The key is this process's. */
interface Own {
  revision: number;
  /** When the newest renewal began; milliseconds, monotonic. */
  at: number;
}

export function createLease(options: LeaseOptions): Lease {
  const { nc, key, holder, lapseMs, ready, refuses, onGained, onLost, logger } = options;
  const pollMs = Math.max(1, Math.floor(lapseMs / POLLS));
  let own: Own | undefined;
  /** Whether `onGained` has ended since the key became this process's. */
  let takenOver = false;
  let renewals = 0;
  /** The other holder's newest renewal, and when this process saw it first. */
  let seen: Own | undefined;
  /** Before this moment the process does not try again to take the lease; milliseconds, monotonic. */
  let retryAt = 0;

  const bucket = onceMade(() => nc.jetstream().views.kv(LEASES.name, { bindOnly: true }));
  const renewal = (): string => JSON.stringify({ holder, pid: process.pid, beat: ++renewals });

  async function endJob(): Promise<void> {
    own = undefined;
    takenOver = false;
    try {
      await onLost();
    } catch (err) {
      logger.warn({ lease: key, holder, reason: messageOf(err) }, 'this process could not end the job of a lease');
    }
  }

  async function lose(reason: string): Promise<void> {
    seen = undefined;
    logger.warn({ lease: key, holder, reason }, 'this process has lost a lease');
    await endJob();
  }

  async function renew(last: Own): Promise<void> {
    const at = performance.now();
    try {
      own = { revision: await (await bucket()).update(key, renewal(), last.revision), at };
    } catch (err) {
      // The server may have stored the renewal although its answer was lost.
      const entry = await (await bucket()).get(key).catch(() => null);
      const value = entry?.operation === 'PUT' ? entry.json<{ holder: string; pid: number }>() : undefined;
      if (entry && value?.holder === holder && value.pid === process.pid) own = { revision: entry.revision, at };
      else if (entry) await lose('another process holds it');
      else if (performance.now() - last.at >= lapseMs) await lose(messageOf(err));
    }
  }

  async function giveBack({ revision }: Own): Promise<void> {
    await endJob();
    // If this fails, the lease lapses.
    await bucket()
      .then((store) => store.delete(key, { previousSeq: revision }))
      .catch(() => {});
  }

  async function takeIfFree(): Promise<void> {
    const store = await bucket();
    const entry = await store.get(key);
    const at = performance.now();
    const free = entry === null || entry.operation !== 'PUT';
    if (!free && entry.json<{ holder: string }>().holder !== holder) {
      if (seen?.revision !== entry.revision) {
        seen = { revision: entry.revision, at };
        return;
      }
      if (at - seen.at < lapseMs) return;
    }
    // Other processes may have seen the same: the server takes the first of them.
    const revision = free
      ? await store.create(key, renewal()).catch(() => undefined)
      : await store.update(key, renewal(), entry.revision).catch(() => undefined);
    if (revision === undefined) return;
    own = { revision, at };
    // `stop` gives the lease back.
    if (!poller.stopped) await takeOver(own);
  }

  async function takeOver(taken: Own): Promise<void> {
    try {
      await onGained();
    } catch (err) {
      logger.warn(
        { lease: key, holder, reason: messageOf(err), retryMs: lapseMs },
        'this process could not take over the job of a lease: it gives the lease back and tries again later',
      );
      retryAt = performance.now() + lapseMs;
      await giveBack(taken);
      return;
    }
    // If that took longer than the lease lasts, `held` is false until a renewal has shown that no other process took it.
    takenOver = true;
    logger.info({ lease: key, holder }, 'this process holds a lease');
  }

  async function poll(): Promise<void> {
    if (own && refuses()) await giveBack(own);
    else if (own) await renew(own);
    else if (performance.now() >= retryAt && ready()) await takeIfFree();
  }

  const poller = createPoller({
    everyMs: pollMs,
    atStart: true,
    run: poll,
    onError: (err) => logger.debug({ err, lease: key }, 'this process could not poll a lease'),
  });

  return {
    held: () => own !== undefined && takenOver && performance.now() - own.at < lapseMs,
    start: poller.start,
    stop: async () => {
      await poller.stop();
      if (own) await giveBack(own);
    },
  };
}
