/**
 * The API keys of the KV bucket. The table follows the bucket while the gateway is connected, so every gateway refuses a
 * revoked key at once. After each reconnect it reads all keys before the gateway accepts any.
 */

import type { KvEntry, NatsConnection, QueuedIterator } from 'nats';
import type { Logger } from 'pino';
import { KEYS } from '../../../streams.config.ts';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import { ServiceUnavailableError } from '../../errors.ts';
import { type KeyRecord, readRecord } from './key.ts';

export interface KeyTable {
  isKnown(): boolean;
  /** Resolves once the table has read the keys. Throws `ServiceUnavailableError` after `timeoutMs`. */
  known(): Promise<void>;
  /** Whether the bucket has any key, revoked ones included. Call it after `known` only. */
  any(): boolean;
  find(id: string): KeyRecord | undefined;
  /** Calls the listener with the id of each key that appears, changes or disappears. Returns a function that ends this. */
  onChange(listener: (id: string) => void): () => void;
  /** The gateway is connected: by a new connection, or by the same one again. */
  follow(nc: NatsConnection): void;
  /** The gateway has lost its connection: no key is valid until the table has read them again. */
  lose(): void;
  close(): void;
}

export interface KeyTableOptions {
  logger: Logger;
  /** Milliseconds that a request waits until the table has read the keys. */
  timeoutMs: number;
}

/** Milliseconds between attempts to read the keys. */
const RETRY_MS = 200;

export function createKeyTable({ logger, timeoutMs }: KeyTableOptions): KeyTable {
  let records = new Map<string, KeyRecord>();
  /** Whether the table has ever held a key: a bucket that somebody deleted and made again does not open the gateway. */
  let everAny = false;
  const listeners = new Set<(id: string) => void>();
  let generation = 0;
  let watch: QueuedIterator<KvEntry> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isKnown = false;
  let resolveKnown: () => void = () => undefined;
  let becomesKnown = waitAgain();

  function waitAgain(): Promise<void> {
    isKnown = false;
    return new Promise((resolve) => {
      resolveKnown = resolve;
    });
  }

  function stop(): void {
    generation++;
    clearTimeout(timer);
    watch?.stop();
    watch = undefined;
    if (isKnown) becomesKnown = waitAgain();
  }

  async function read(nc: NatsConnection, mine: number): Promise<void> {
    const fresh = new Map<string, KeyRecord>();
    const changed = (id: string): void => {
      for (const listener of listeners) listener(id);
    };
    const publish = (): void => {
      if (mine !== generation || isKnown) return;
      const before = records;
      records = fresh;
      everAny ||= records.size > 0;
      isKnown = true;
      resolveKnown();
      for (const id of before.keys()) changed(id);
    };
    const kv = await nc.jetstream().views.kv(KEYS.name, { bindOnly: true });
    // The client calls this in order with the entries; if all of them have arrived by then, before it hands out any.
    let early = false;
    let entries: QueuedIterator<KvEntry> | undefined;
    entries = await kv.watch({
      initializedFn: () => {
        if (entries) publish();
        else early = true;
      },
    });
    if (mine !== generation) return entries.stop();
    watch = entries;
    if (early && entries.getPending() === 0) publish();
    for await (const entry of entries) {
      if (mine !== generation) return;
      const record = entry.operation === 'PUT' ? readRecord(entry.string()) : undefined;
      if (record && record.id === entry.key) {
        fresh.set(entry.key, record);
        everAny ||= isKnown;
      } else fresh.delete(entry.key);
      if (isKnown) changed(entry.key);
      else if (early && entries.getPending() === 0) publish();
    }
    if (mine === generation) throw new Error('the watch ended');
  }

  function start(nc: NatsConnection): void {
    const mine = generation;
    read(nc, mine).catch((err: unknown) => {
      if (mine !== generation) return;
      logger.warn({ err }, 'The gateway can not read the API keys and tries again.');
      stop();
      timer = setTimeout(() => start(nc), RETRY_MS);
    });
  }

  return {
    isKnown: () => isKnown,
    known: async () => {
      if (isKnown) return;
      const late = () =>
        new ServiceUnavailableError(`The gateway could not read the API keys within ${timeoutMs} ms.`, {
          next: 'freshet status',
        });
      await withTimeLimit(becomesKnown, timeoutMs, late);
    },
    any: () => everAny,
    find: (id) => records.get(id),
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    follow: (nc) => {
      stop();
      start(nc);
    },
    lose: stop,
    close: stop,
  };
}
