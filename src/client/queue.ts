/**
 * Events on their way: kept until the log has them, sent in batches, again under the same id where it is not known
 * whether they arrived, so that each counts once. What is kept outlives the page where there is a storage.
 */
import type { ClientEvent, RejectedEvent } from './types.ts';

/** `localStorage` is one. */
export interface QueueStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** What became of a batch: taken, for good refused, or not known (`again`). */
export type SendOutcome =
  | { done: true; seq: number | undefined; rejected: { index: number; code: string; message: string }[] }
  | { done: false; reason: 'again'; afterMs?: number; error: unknown }
  | { done: false; reason: 'smaller' };

export interface QueueOptions {
  send: (events: readonly ClientEvent[]) => Promise<SendOutcome>;
  /** Events in one request. */
  batch: number;
  /** Milliseconds that an event waits for others. */
  waitMs: number;
  /** Events that are kept; the oldest go first. */
  capacity: number;
  /** First and longest pause after a failure, milliseconds. */
  retryMs: number;
  retryMaxMs: number;
  storage?: QueueStorage | undefined;
  onRejected?: ((rejected: RejectedEvent) => void) | undefined;
  /** Called where events could not be sent now; they are kept. */
  onTrouble?: ((error: unknown) => void) | undefined;
}

export interface Queue {
  add(event: ClientEvent): void;
  readonly size: number;
  /** Sends all that is there. Gives the highest position in the log of what it sent; throws where it could not. */
  flush(): Promise<number | undefined>;
  close(): void;
}

const KEY = 'freshet-events';

export function createQueue(options: QueueOptions): Queue {
  const { send, waitMs, capacity, retryMs, retryMaxMs, storage, onRejected, onTrouble } = options;
  let events: ClientEvent[] = restore();
  let batch = options.batch;
  let pause = retryMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending: Promise<number | undefined> | undefined;
  let closed = false;

  function restore(): ClientEvent[] {
    try {
      const kept: unknown = JSON.parse(storage?.getItem(KEY) ?? '[]');
      return Array.isArray(kept) ? (kept as ClientEvent[]) : [];
    } catch {
      // Somebody else's, or damaged: events of a page that is gone are not worth failing for.
      return [];
    }
  }

  function keep(): void {
    try {
      storage?.setItem(KEY, JSON.stringify(events));
    } catch (error) {
      // A full storage: what is in memory still goes out.
      onTrouble?.(error);
    }
  }

  function schedule(ms: number): void {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      drain().catch(() => {});
    }, ms);
  }

  function drain(): Promise<number | undefined> {
    sending ??= sendAll().finally(() => {
      sending = undefined;
    });
    return sending;
  }

  async function sendAll(): Promise<number | undefined> {
    let highest: number | undefined;
    while (events.length > 0) {
      const part = events.slice(0, batch);
      const outcome = await send(part);
      if (outcome.done) {
        for (const { index, code, message } of outcome.rejected) {
          const event = part[index];
          if (event) onRejected?.({ event, code, message });
        }
        // Some may have been pushed out meanwhile.
        const sent = new Set(part);
        events = events.filter((event) => !sent.has(event));
        keep();
        pause = retryMs;
        if (outcome.seq !== undefined) highest = Math.max(highest ?? 0, outcome.seq);
        continue;
      }
      if (outcome.reason === 'smaller' && batch > 1) {
        batch = Math.ceil(batch / 2);
        continue;
      }
      const error =
        outcome.reason === 'again' ? outcome.error : new Error('one event is larger than the gateway takes');
      onTrouble?.(error);
      schedule(Math.max(outcome.reason === 'again' ? (outcome.afterMs ?? 0) : 0, pause * (0.5 + Math.random() / 2)));
      pause = Math.min(2 * pause, retryMaxMs);
      throw error;
    }
    return highest;
  }

  if (events.length > 0) schedule(waitMs);
  return {
    add: (event) => {
      events.push(event);
      if (events.length > capacity) events = events.slice(-capacity);
      keep();
      if (events.length >= batch && !sending) {
        clearTimeout(timer);
        timer = undefined;
        schedule(0);
      } else schedule(waitMs);
    },
    get size() {
      return events.length;
    },
    flush: async () => {
      clearTimeout(timer);
      timer = undefined;
      let highest: number | undefined;
      // What is on its way already may not hold what came since.
      while (sending || events.length > 0) {
        const seq = await drain();
        if (seq !== undefined) highest = Math.max(highest ?? 0, seq);
      }
      return highest;
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
