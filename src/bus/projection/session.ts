/**
 * One reader's life, from its opening behind the checkpoint to the first doubt. It expects every delivery to follow the one
 * before, and collects deliveries into batches.
 */
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import type { Delivery } from '../log/port.ts';
import type { Unexplained } from '../log/sequences.ts';
import type { LoopLimits } from './loop.ts';

/** Why a session ended, and whether reading again at once would meet the same trouble. */
export interface Ended {
  reason: string;
  trouble: boolean;
}

/** Whole batches that may wait for their turn: while the loop folds one, the next messages arrive. */
const BATCHES_WAITING = 2;

export interface SessionOptions {
  limits: Pick<LoopLimits, 'batchMax' | 'batchWaitMs' | 'batchRestMs'>;
  /** Most messages of the next batch. */
  batchMax: () => number;
  /** Position behind which the reader begins. */
  position: StreamSeq;
  /** Creation time of the stream. */
  created: string;
  /** The highest sequence of a gap that nothing explains. */
  unexplained: Unexplained;
  /** Whether a caller waits for a position up to this one. */
  awaits: (seq: number) => boolean;
  /** A message is missing that no erasure is known to have taken: the highest such sequence. */
  onSkipped: (seq: StreamSeq) => void;
  onDelivery: (delivery: Delivery) => void;
  /** Called when the session is no longer full. */
  onRoom?: () => void;
  /** Whether the batches wait. Left out: never. */
  held?: () => boolean;
  /** Folds a batch; returns the reason if the session must end. */
  commit: (batch: readonly Delivery[]) => Ended | undefined;
}

export interface Session {
  readonly created: string;
  readonly over: boolean;
  readonly ended: Promise<Ended>;
  /** Number of the delivery that comes next. */
  readonly expected: number;
  /** When the last message came, monotonic milliseconds. */
  readonly lastHeard: number;
  /** Deliveries that wait for their batch; of a session that is over: those that it has not folded. */
  buffered(): number;
  /** Position that the buffer reaches; 0: it is empty. */
  bufferedTo(): number;
  take(delivery: Delivery): void;
  /** Whether so many messages wait for their turn that the reader should request no more. */
  full(): boolean;
  /** Commits the buffered deliveries, or those up to the batch that holds this position, unless the batches wait. */
  flush(upTo?: number): void;
  /** Goes on with the batches that waited. */
  proceed(): void;
  end(reason: string, trouble?: boolean): void;
}

export function openSession(options: SessionOptions): Session {
  const { limits, batchMax, created, unexplained, awaits, onSkipped, onDelivery, onRoom, commit } = options;
  const held = options.held ?? (() => false);
  let resolveEnded!: (ended: Ended) => void;
  const ended = new Promise<Ended>((resolve) => {
    resolveEnded = resolve;
  });
  const buffer: Delivery[] = [];
  let expected = 1;
  let lastSeq: number = options.position;
  let lastHeard = performance.now();
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  let turn: NodeJS.Immediate | undefined;
  /** When the timer fires, and when the last batch was done; monotonic milliseconds. */
  let due = Number.POSITIVE_INFINITY;
  let flushed = Number.NEGATIVE_INFINITY;

  function end(reason: string, trouble = false): void {
    if (over) return;
    over = true;
    clearTimeout(timer);
    clearImmediate(turn);
    resolveEnded({ reason, trouble });
  }

  function take(delivery: Delivery): void {
    if (over) return;
    lastHeard = performance.now();
    if (delivery.delivery < expected && delivery.seq <= lastSeq) return;
    if (delivery.delivery !== expected || delivery.seq <= lastSeq) {
      flush();
      end(`delivery ${delivery.delivery} where ${expected} was due`);
      return;
    }
    const skipped = delivery.seq > lastSeq + 1 ? unexplained(lastSeq + 1, delivery.seq - 1) : 0;
    if (skipped > 0) {
      // A server with a damaged file skips messages that it cannot read and counts on: nothing else shows the loss.
      flush();
      onSkipped(streamSeq(skipped));
      end(`sequence ${skipped} is missing`);
      return;
    }
    expected++;
    lastSeq = delivery.seq;
    onDelivery(delivery);
    buffer.push(delivery);
    if (awaits(delivery.seq)) flush();
    else schedule(delivery);
  }

  /** Lets the buffer wait for more messages, or for the end of this turn of the event loop. */
  function schedule({ pending }: Delivery): void {
    if (buffer.length >= batchMax()) {
      flushNextTurn();
      return;
    }
    // The server saw no later message. But each of several messages that come close together is the last for a moment, and
    // a transaction costs as much as folding some dozens of them.
    const at = pending > 0 ? lastHeard + limits.batchWaitMs : flushed + limits.batchRestMs;
    if (at <= lastHeard && pending === 0) flush();
    else flushBy(at);
  }

  /**
   * One socket read may bring several batches, and requests behind them. A turn between two batches lets the requests
   * through.
   */
  function flushNextTurn(): void {
    turn ??= setImmediate(flushOne);
  }

  /** Flushes at a moment, or before. */
  function flushBy(at: number): void {
    if (at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(flush, Math.max(0, at - performance.now()));
  }

  /** Commits one batch. */
  function flushOne(): void {
    clearTimeout(timer);
    clearImmediate(turn);
    timer = undefined;
    turn = undefined;
    due = Number.POSITIVE_INFINITY;
    if (buffer.length === 0 || over || held()) return;
    const batch = buffer.splice(0, batchMax());
    const trouble = commit(batch);
    if (trouble) {
      buffer.unshift(...batch);
      end(trouble.reason, trouble.trouble);
      return;
    }
    flushed = performance.now();
    const last = buffer.at(-1);
    if (last) schedule(last);
    if (!full()) onRoom?.();
  }

  const full = (): boolean => buffer.length >= BATCHES_WAITING * Math.max(limits.batchMax, batchMax());

  function flush(upTo = Number.POSITIVE_INFINITY): void {
    while (!over && !held() && buffer.length > 0 && (buffer[0] as Delivery).seq <= upTo) flushOne();
  }

  function proceed(): void {
    const last = buffer.at(-1);
    if (over || last === undefined) return;
    if (awaits(last.seq)) flush();
    else flushNextTurn();
  }

  return {
    created,
    get over() {
      return over;
    },
    ended,
    get expected() {
      return expected;
    },
    get lastHeard() {
      return lastHeard;
    },
    buffered: () => buffer.length,
    bufferedTo: () => buffer.at(-1)?.seq ?? 0,
    take,
    full,
    flush,
    proceed,
    end,
  };
}
