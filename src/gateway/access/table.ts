/**
 * The API keys of the KV bucket. The table follows the bucket while the gateway is connected, so every gateway refuses a
 * revoked key at once. After each reconnect it reads all keys before the gateway accepts any.
 */

import type { KvEntry, NatsConnection, QueuedIterator } from 'nats';
import type { Logger } from 'pino';
import { KEYS } from '../../../streams.config.ts';
import { isNotFound } from '../../bus/nats/connection.ts';
import { createPoller, type Poller } from '../../bus/nats/poller.ts';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import { messageOf, ServiceUnavailableError } from '../../errors.ts';
import { type KeyRecord, readRecord } from './key.ts';
import { keysWereMade, rememberKeys } from './required.ts';

export interface KeyTable {
  isKnown(): boolean;
  /** Resolves once the table has read the keys. Throws `ServiceUnavailableError` after `timeoutMs`. */
  known(): Promise<void>;
  /** Whether an operator has ever made a key, also a revoked or a lost one. Call it after `known` only. */
  made(): boolean;
  find(id: string): KeyRecord | undefined;
  /** Whether the bucket has a record of this id that this release cannot read. */
  isUnreadable(id: string): boolean;
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
  /** Milliseconds between two polls whether the bucket is still the one that the table follows. */
  pollMs: number;
}

/** The records as the table knows them. */
interface Known {
  records: Map<string, KeyRecord>;
  unreadable: Set<string>;
  made: boolean;
}

/** Milliseconds between attempts to read the keys. */
const RETRY_MS = 200;

export function createKeyTable({ logger, timeoutMs, pollMs }: KeyTableOptions): KeyTable {
  let known: Known = { records: new Map(), unreadable: new Set(), made: false };
  const listeners = new Set<(id: string) => void>();
  let generation = 0;
  let watch: QueuedIterator<KvEntry> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let poller: Poller | undefined;
  let isKnown = false;
  /** Why the table could not read the keys, so that the log says it once. */
  let reported: string | undefined;
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
    void poller?.stop();
    poller = undefined;
    if (isKnown) becomesKnown = waitAgain();
  }

  /** Calls `onOther` once the bucket is gone, or another one has its name: a watch does not say so. */
  function pollBucket(bucketMade: () => Promise<string>, created: string, onOther: () => void): Poller {
    const poller = createPoller({
      everyMs: pollMs,
      run: async () => {
        const now = await bucketMade().catch((err: unknown) => (isNotFound(err) ? 'gone' : created));
        if (now !== created) onOther();
      },
    });
    poller.start();
    return poller;
  }

  async function read(nc: NatsConnection, mine: number): Promise<void> {
    // The log first: a key that an operator makes now is in the bucket when the watch begins.
    const fresh: Known = { records: new Map(), unreadable: new Set(), made: await keysWereMade(nc) };
    const jsm = await nc.jetstreamManager({ checkAPI: false });
    const bucketMade = async (): Promise<string> => (await jsm.streams.info(`KV_${KEYS.name}`)).created;
    const created = await bucketMade();
    const changed = (id: string): void => {
      for (const listener of listeners) listener(id);
    };
    const publish = (): void => {
      if (mine !== generation || isKnown) return;
      const before = known;
      // What this process knows does not depend on a record in the log that it could not write.
      fresh.made ||= before.made;
      known = fresh;
      isKnown = true;
      reported = undefined;
      resolveKnown();
      for (const id of before.records.keys()) changed(id);
      remember(nc);
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
    poller = pollBucket(bucketMade, created, () => {
      if (mine !== generation) return;
      stop();
      start(nc);
    });
    if (early && entries.getPending() === 0) publish();
    for await (const entry of entries) {
      if (mine !== generation) return;
      take(fresh, entry);
      if (isKnown) {
        changed(entry.key);
        remember(nc);
      } else if (early && entries.getPending() === 0) publish();
    }
    if (mine === generation) throw new Error('the watch ended');
  }

  function take({ records, unreadable }: Known, entry: KvEntry): void {
    const { key } = entry;
    records.delete(key);
    unreadable.delete(key);
    if (entry.operation !== 'PUT') return;
    const record = readRecord(entry.string());
    if (record?.id === key) records.set(key, record);
    else {
      unreadable.add(key);
      logger.error(
        { key, next: 'freshet keys list' },
        'The gateway cannot read the record of an API key, and refuses the key. A newer release may have written it.',
      );
    }
  }

  /** Writes to the log that keys exist, for keys of a release that did not. */
  function remember(nc: NatsConnection): void {
    const { records, unreadable, made } = known;
    if (made || records.size + unreadable.size === 0) return;
    known.made = true;
    rememberKeys(nc).catch((err: unknown) => {
      logger.warn({ err }, 'The gateway could not write to the log that API keys exist.');
    });
  }

  function start(nc: NatsConnection): void {
    const mine = generation;
    read(nc, mine).catch((err: unknown) => {
      if (mine !== generation) return;
      const reason = messageOf(err);
      if (reason !== reported)
        logger.warn(
          { err, next: 'freshet streams diff' },
          'The gateway cannot read the API keys, lets nobody in, and tries again.',
        );
      reported = reason;
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
    made: () => known.made || known.records.size + known.unreadable.size > 0,
    find: (id) => known.records.get(id),
    isUnreadable: (id) => known.unreadable.has(id),
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
