/**
 * The keys, as they stand in KV: followed for as long as there is a connection, so that a key which is revoked opens
 * nothing from that moment on, at every gateway. After each reconnect they are read anew before any key counts.
 */

import type { KvEntry, NatsConnection, QueuedIterator } from 'nats';
import type { Logger } from 'pino';
import { KEYS } from '../../../streams.config.ts';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import { ServiceUnavailableError } from '../../errors.ts';
import { type KeyRecord, readRecord } from './key.ts';

export interface KeyTable {
  isKnown(): boolean;
  /** Resolves once the keys are known. Throws `ServiceUnavailableError` where that takes too long. */
  known(): Promise<void>;
  /** Whether any key has been made, revoked ones included. Only after `known`. */
  any(): boolean;
  find(id: string): KeyRecord | undefined;
  /** Called with the id of a key that came, changed or went, until what it returns is called. */
  onChange(listener: (id: string) => void): () => void;
  /** There is a connection, another one or the same again. */
  follow(nc: NatsConnection): void;
  /** There is none: no key counts until they were read again. */
  lose(): void;
  close(): void;
}

export interface KeyTableOptions {
  logger: Logger;
  /** Milliseconds that a request waits for the keys to be read. */
  timeoutMs: number;
}

/** Milliseconds between attempts to read the keys. */
const RETRY_MS = 200;

export function createKeyTable({ logger, timeoutMs }: KeyTableOptions): KeyTable {
  let records = new Map<string, KeyRecord>();
  const listeners = new Set<(id: string) => void>();
  let generation = 0;
  let watch: QueuedIterator<KvEntry> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isKnown = false;
  let tell: () => void = () => undefined;
  let becomesKnown = waitAgain();

  function waitAgain(): Promise<void> {
    isKnown = false;
    return new Promise((resolve) => {
      tell = resolve;
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
    const become = (): void => {
      if (mine !== generation || isKnown) return;
      const before = records;
      records = fresh;
      isKnown = true;
      tell();
      for (const id of before.keys()) changed(id);
    };
    const kv = await nc.jetstream().views.kv(KEYS.name, { bindOnly: true });
    // The client says it in order with the entries, or, where all have come by then, before it hands any out.
    let early = false;
    let entries: QueuedIterator<KvEntry> | undefined;
    entries = await kv.watch({
      initializedFn: () => {
        if (entries) become();
        else early = true;
      },
    });
    if (mine !== generation) return entries.stop();
    watch = entries;
    if (early && entries.getPending() === 0) become();
    for await (const entry of entries) {
      if (mine !== generation) return;
      const record = entry.operation === 'PUT' ? readRecord(entry.string()) : undefined;
      if (record && record.id === entry.key) fresh.set(entry.key, record);
      else fresh.delete(entry.key);
      if (isKnown) changed(entry.key);
      else if (early && entries.getPending() === 0) become();
    }
    if (mine === generation) throw new Error('the watch ended');
  }

  function start(nc: NatsConnection): void {
    const mine = generation;
    read(nc, mine).catch((err: unknown) => {
      if (mine !== generation) return;
      logger.warn({ err }, 'the API keys can not be read; it is tried again');
      stop();
      timer = setTimeout(() => start(nc), RETRY_MS);
    });
  }

  return {
    isKnown: () => isKnown,
    known: async () => {
      if (isKnown) return;
      const late = () =>
        new ServiceUnavailableError(`The API keys could not be read within ${timeoutMs} ms.`, {
          next: 'freshet status',
        });
      await withTimeLimit(becomesKnown, timeoutMs, late);
    },
    any: () => records.size > 0,
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
