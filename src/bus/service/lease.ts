/**
 * Which of several processes does what one of them is to do: whoever holds a lease, a key in KV that its holder writes
 * again and again. No clock is compared with another: a lease has lapsed once somebody has seen it unchanged for as
 * long as it lasts, by a clock of their own, and every step is a compare-and-set.
 */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { LEASES } from '../../../streams.config.ts';
import { onceMade } from '../once-made.ts';

/** Looks and signs of life in the time that a lease lasts. */
const LOOKS = 4;

export interface LeaseOptions {
  nc: NatsConnection;
  /** What is held. */
  key: string;
  /** Who would hold it; the same name after a restart, which goes on at once with what it held. */
  holder: string;
  /** Milliseconds without a sign of life after which a lease has lapsed. */
  lapseMs: number;
  /** Whether it may be taken as of now. */
  ready: () => boolean;
  /** Whether it has to be given back as of now. */
  refuses: () => boolean;
  /** Called, and waited for, once it is held. */
  onGained: () => void | Promise<void>;
  /** Called, and waited for, once it is held no more, or when it is stopped. */
  onLost: () => void | Promise<void>;
  logger: Logger;
}

export interface Lease {
  /** Whether it is held as of now; false already where its own signs of life are overdue, as after a pause. */
  held(): boolean;
  start(): void;
  /** Gives it back, so that another can have it at once. */
  stop(): Promise<void>;
}

export function createLease(options: LeaseOptions): Lease {
  const { nc, key, holder, lapseMs, ready, refuses, onGained, onLost, logger } = options;
  const beatMs = Math.max(1, Math.floor(lapseMs / LOOKS));
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let looking: Promise<void> = Promise.resolve();
  /** Revision of our own last sign of life; undefined: it is not held. */
  let own: { revision: number; at: number } | undefined;
  let beats = 0;
  /** The holder's last sign of life, and when it was seen first. */
  let seen: { revision: number; at: number } | undefined;

  const bucket = onceMade(() => nc.jetstream().views.kv(LEASES.name, { bindOnly: true }));
  const sign = (): string => JSON.stringify({ holder, pid: process.pid, beat: ++beats });
  const held = (): boolean => own !== undefined && performance.now() - own.at < lapseMs;

  async function lose(why: string): Promise<void> {
    own = undefined;
    seen = undefined;
    logger.warn({ lease: key, holder, why }, 'a lease is held no more');
    await onLost();
  }

  /** A sign of life of our own. */
  async function renew(last: { revision: number; at: number }): Promise<void> {
    const at = performance.now();
    try {
      own = { revision: await (await bucket()).update(key, sign(), last.revision), at };
    } catch (err) {
      // It may have come through all the same: the answer was lost.
      const entry = await (await bucket()).get(key).catch(() => null);
      const said = entry?.operation === 'PUT' ? entry.json<{ holder: string; pid: number }>() : undefined;
      if (entry && said?.holder === holder && said.pid === process.pid) own = { revision: entry.revision, at };
      else if (entry) await lose('another holds it');
      else if (performance.now() - last.at >= lapseMs) await lose(String(err));
    }
  }

  async function giveBack({ revision }: { revision: number }): Promise<void> {
    own = undefined;
    await onLost();
    await (await bucket()).delete(key, { previousSeq: revision }).catch(() => {});
  }

  /** Whether it can be had; takes it then. */
  async function take(): Promise<void> {
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
    // Whoever else wants it has seen the same: one of them comes first.
    const revision = free
      ? await store.create(key, sign()).catch(() => undefined)
      : await store.update(key, sign(), entry.revision).catch(() => undefined);
    if (revision === undefined || stopped) return;
    own = { revision, at };
    logger.info({ lease: key, holder }, 'a lease is held');
    await onGained();
  }

  async function look(): Promise<void> {
    try {
      if (own && refuses()) await giveBack(own);
      else if (own) await renew(own);
      else if (ready()) await take();
    } catch (err) {
      logger.debug({ err, lease: key }, 'a lease could not be looked at');
    }
    if (!stopped) timer = setTimeout(start, beatMs);
  }

  const start = (): void => {
    looking = look();
  };

  return {
    held,
    start,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await looking;
      if (own) await giveBack(own);
    },
  };
}
