/**
 * Events on their way: kept until the log has them, sent in batches, again under the same id where it is not known
 * whether they arrived, so that each counts once. What is kept outlives the page where there is a storage.
 */
import { newId } from './id.ts';
import { sizeOf } from './size.ts';
import type { ClientEvent, RejectedEvent } from './types.ts';

/** `localStorage` is one. */
export interface QueueStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** What became of a batch: taken, for good refused, or not known (`again`). */
export type SendOutcome =
  | { done: true; seq: number | undefined; rejected: { index: number; code: string; message: string }[] }
  | { done: false; reason: 'again'; afterMs?: number; error: unknown }
  | { done: false; reason: 'smaller' };

export interface QueueOptions {
  send: (events: readonly ClientEvent[]) => Promise<SendOutcome>;
  /** Events in one request, and bytes of them as JSON; an event that is larger goes alone. */
  batch: number;
  bytes: number;
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
  /** Starts to send what it can now, beside what is on its way: there may be no later. */
  leave(): void;
  close(): void;
}

const PREFIX = 'freshet-events';

export function createQueue(options: QueueOptions): Queue {
  const { send, bytes, waitMs, capacity, retryMs, retryMaxMs, storage, onRejected, onTrouble } = options;
  // Of this page alone: a browser lets pages read what another has since changed, so one list for all would lose events.
  const own = `${PREFIX}-${newId()}`;
  let events: ClientEvent[] = adopted().slice(-capacity);
  let batch = options.batch;
  let pause = retryMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending: Promise<number | undefined> | undefined;
  /** What is on its way. */
  let flying: ReadonlySet<ClientEvent> = new Set();
  /** Sending failed, and is left alone until the pause is over. */
  let resting = false;
  let closed = false;

  /** What other pages kept, those that are gone and those that are open: what is sent twice counts once. */
  function adopted(): ClientEvent[] {
    if (!storage) return [];
    const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i)).filter(
      (key): key is string => key?.startsWith(PREFIX) === true,
    );
    const all = keys.flatMap((key) => eventsIn(storage.getItem(key))).sort((a, b) => (a.time < b.time ? -1 : 1));
    // First kept here, then removed there.
    if (all.length === 0 || keep(all)) for (const key of keys) storage.removeItem(key);
    return all;
  }

  function keep(all: readonly ClientEvent[]): boolean {
    try {
      if (all.length === 0) storage?.removeItem(own);
      else storage?.setItem(own, JSON.stringify(all));
      return true;
    } catch (error) {
      // A full storage: what is in memory still goes out.
      onTrouble?.(error);
      return false;
    }
  }

  /** As many of these as go into one request. */
  function partOf(waiting: readonly ClientEvent[]): ClientEvent[] {
    const part: ClientEvent[] = [];
    let size = 2;
    for (const event of waiting.slice(0, batch)) {
      size += sizeOf(JSON.stringify(event)) + 1;
      if (part.length > 0 && size > bytes) break;
      part.push(event);
    }
    return part;
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
    resting = false;
    while (events.length > 0) {
      const part = partOf(events);
      flying = new Set(part);
      const outcome = await send(part).finally(() => {
        flying = new Set();
      });
      if (outcome.done) {
        for (const { index, code, message } of outcome.rejected) {
          const event = part[index];
          if (event) onRejected?.({ event, code, message });
        }
        // Some may have been pushed out meanwhile.
        const sent = new Set(part);
        events = events.filter((event) => !sent.has(event));
        keep(events);
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
      resting = true;
      // What was added meanwhile would be sent sooner.
      clearTimeout(timer);
      timer = undefined;
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
      keep(events);
      if (events.length >= batch && !sending && !resting) {
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
    leave: () => {
      if (!sending) {
        clearTimeout(timer);
        timer = undefined;
        drain().catch(() => {});
        return;
      }
      const rest = partOf(events.filter((event) => !flying.has(event)));
      // Where the page goes on after all they are sent once more, and count once.
      if (rest.length > 0) send(rest).catch(() => {});
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** What another page wrote, or somebody else under the same name: what is none is not worth failing for. */
function eventsIn(text: string | null): ClientEvent[] {
  try {
    const found: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(found)
      ? found.filter((one) => typeof one?.id === 'string' && typeof one.time === 'string')
      : [];
  } catch {
    return [];
  }
}
