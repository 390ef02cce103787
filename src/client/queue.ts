/**
 * Unsent events. The queue keeps each event until the log has it, sends events in batches, and sends an event again under
 * the same id if its fate is unknown, so that it counts once. With a storage, the events survive a reload of the page.
 */
import { newId } from './id.ts';
import { sizeOf } from './size.ts';
import type { ClientEvent, RejectedEvent } from './types.ts';

/** The part of `Storage` that the queue uses, such as `localStorage`. */
export interface QueueStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The fate of a batch: done (with the rejected events), to send again, or to send in smaller parts. */
export type SendOutcome =
  | { done: true; seq: number | undefined; rejected: { index: number; code: string; message: string }[] }
  | { done: false; reason: 'again'; afterMs?: number; error: unknown }
  | { done: false; reason: 'smaller' };

export interface QueueOptions {
  send: (events: readonly ClientEvent[]) => Promise<SendOutcome>;
  /** Most events in one request, and most bytes of JSON. A larger event goes alone. */
  batch: number;
  bytes: number;
  /** Milliseconds that an event waits for others. */
  waitMs: number;
  /** Most events to keep. The queue drops the oldest first. */
  capacity: number;
  /** First and longest pause after a failure, milliseconds. */
  retryMs: number;
  retryMaxMs: number;
  storage?: QueueStorage | undefined;
  onRejected?: ((rejected: RejectedEvent) => void) | undefined;
  /** Called when the queue could not send events. It keeps them. */
  onTrouble?: ((error: unknown) => void) | undefined;
}

export interface Queue {
  add(event: ClientEvent): void;
  readonly size: number;
  /** Sends all events. Returns the highest sequence in the log. Throws if it could not send them. */
  flush(): Promise<number | undefined>;
  /** Starts to send at once, next to the request that is under way, because the page may end now. */
  leave(): void;
  close(): void;
}

const PREFIX = 'freshet-events';

export function createQueue(options: QueueOptions): Queue {
  const { send, bytes, waitMs, capacity, retryMs, retryMaxMs, storage, onRejected, onTrouble } = options;
  // Each page has its own key: pages write to the storage at the same time, so a shared list would lose events.
  const own = `${PREFIX}-${newId()}`;
  let events: ClientEvent[] = adopted().slice(-capacity);
  let batch = options.batch;
  let pause = retryMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending: Promise<number | undefined> | undefined;
  /** The events of the request that is under way. */
  let flying: ReadonlySet<ClientEvent> = new Set();
  /** Sending failed, and the queue waits for the end of the pause. */
  let resting = false;
  let closed = false;

  /** Takes over the events of other pages, closed or open. An event that two pages send counts once. */
  function adopted(): ClientEvent[] {
    if (!storage) return [];
    const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i)).filter(
      (key): key is string => key?.startsWith(PREFIX) === true,
    );
    const all = keys.flatMap((key) => eventsIn(storage.getItem(key))).sort((a, b) => (a.time < b.time ? -1 : 1));
    // Stores the events under the own key before it removes the other keys.
    if (all.length === 0 || keep(all)) for (const key of keys) storage.removeItem(key);
    return all;
  }

  function keep(all: readonly ClientEvent[]): boolean {
    try {
      if (all.length === 0) storage?.removeItem(own);
      else storage?.setItem(own, JSON.stringify(all));
      return true;
    } catch (error) {
      // The storage is full. The queue still sends the events from memory.
      onTrouble?.(error);
      return false;
    }
  }

  /** The first events that fit into one request. */
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
        // The queue may have dropped some of them meanwhile.
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
        outcome.reason === 'again' ? outcome.error : new Error('The event is larger than the gateway accepts.');
      onTrouble?.(error);
      resting = true;
      // An event that came meanwhile has set an earlier timer.
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
      // The request that is under way may not hold the latest events.
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
      // If the page continues, the queue sends them once more, and they count once.
      if (rest.length > 0) send(rest).catch(() => {});
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** The events in a stored text. Another script may have written it, so invalid content gives no events. */
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
