/**
 * From the log to a projection: the one loop, used by every service. It reads as a named consumer from the checkpoint
 * on, wants every delivery to follow the one before, and on any doubt closes the reader and opens another one behind
 * the checkpoint; so nothing is lost and nothing counts twice, whatever is cut or killed.
 */
import type { Logger } from 'pino';
import { type LogRefusedError, messageOf, SequenceNotReachedError } from '../../errors.ts';
import type { LoggedEvent } from '../event/codec.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import type { Delivery, Log, LogInfo, LogReader } from '../log/port.ts';
import { sendNow } from '../turn.ts';
import { checkLog } from './checks.ts';
import {
  type BatchResult,
  type Checkpoint,
  type DeadLetter,
  type Fingerprint,
  isStorageTrouble,
  messageDigest,
  type ProjectionStore,
} from './store.ts';

export type ProjectionState = 'ready' | 'catching-up' | 'rebuilding' | 'refusing' | 'down';

export interface ProjectionStatus {
  state: ProjectionState;
  checkpoint: Checkpoint;
  /** Position of the state that answers: the checkpoint, or where what is kept in memory is still behind it, that. */
  seq: StreamSeq;
  /** Messages of the log that are not folded yet, as far as is known. */
  lag: number;
  /** Why it refuses, or what holds it up. */
  trouble?: { code: string; message: string; next?: string };
}

/** Told of what happens, for metrics. */
export interface LoopObserver {
  batch?(result: BatchResult, messages: number, seconds: number): void;
  lag?(messages: number): void;
  interrupted?(reason: string): void;
  refused?(refused: boolean): void;
  /** Milliseconds from when the log took the batch's newest message to its commit. */
  age?(milliseconds: number): void;
}

export interface LoopLimits {
  /** Messages in one transaction. */
  batchMax: number;
  /** Milliseconds that a part of a batch waits for more. */
  batchWaitMs: number;
  /**
   * Least milliseconds from one transaction to the next: what comes meanwhile goes into that one together, unless
   * somebody waits for it.
   */
  batchRestMs: number;
  /** Milliseconds without a message until the server is asked what it has sent. */
  idleCheckMs: number;
  /** Milliseconds between comparisons of log and checkpoint. */
  checkIntervalMs: number;
  /** Messages behind, above which a service says that it is catching up. */
  readyLag: number;
  /** First and longest pause after trouble, milliseconds. */
  backoffMinMs: number;
  backoffMaxMs: number;
}

export const LOOP_LIMITS: LoopLimits = {
  batchMax: 500,
  batchWaitMs: 20,
  batchRestMs: 50,
  idleCheckMs: 1_000,
  checkIntervalMs: 5_000,
  readyLag: 10_000,
  backoffMinMs: 50,
  backoffMaxMs: 5_000,
};

/**
 * State that is kept in memory and may be behind the rows when a process starts: the log is read again from there, up
 * to the checkpoint without touching the rows, and then on as ever.
 */
export interface LoopMemory {
  /** Position up to which it holds the log. */
  position(): StreamSeq;
  /** Folds events that the rows hold already, up to a position; `newest` is the last message there was. */
  recall(events: readonly LoggedEvent[], seq: StreamSeq, newest: Fingerprint | undefined): void;
}

export interface LoopOptions {
  service: string;
  log: Log;
  store: ProjectionStore;
  logger: Logger;
  /** Name of the consumer; `<service>-projection` unless this is a replica. */
  consumer?: string;
  limits?: Partial<LoopLimits>;
  observer?: LoopObserver;
  /** Publishes the copy of a dead letter; whether it can be done now or later changes nothing in the projection. */
  copyDeadLetter?: (dead: DeadLetter) => Promise<void>;
  /** Called after each commit with what was applied. */
  onApplied?: (events: readonly LoggedEvent[]) => void;
  /** What is in memory and follows the log beside the rows. */
  memory?: LoopMemory;
}

export interface ProjectionLoop {
  start(): void;
  /** Commits what has come, closes the reader. */
  stop(): Promise<void>;
  status(): ProjectionStatus;
  /** Position of the state that answers, see {@link ProjectionStatus}. */
  position(): StreamSeq;
  /** Resolves once that is at or past `seq`; throws `SequenceNotReachedError` after `timeoutMs`. */
  reached(seq: StreamSeq, timeoutMs: number): Promise<StreamSeq>;
  /** True while nothing is waiting but what is committed within one rest. */
  caughtUp(): boolean;
}

interface Waiter {
  seq: number;
  resolve(): void;
  giveUp(): void;
}

type Ended = { reason: string; trouble: boolean };

export function createProjectionLoop(options: LoopOptions): ProjectionLoop {
  const { service, log, store, logger, observer = {}, copyDeadLetter, onApplied, memory } = options;
  const consumer = options.consumer ?? `${service}-projection`;
  const limits = { ...LOOP_LIMITS, ...options.limits };

  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let wakeUp: () => void = () => {};
  let session: Session | undefined;
  let known: LogInfo | undefined;
  let pending = 0;
  let everCaughtUp = false;
  let refused: LogRefusedError | undefined;
  let trouble: { code: string; message: string } | undefined;
  let waiters: Waiter[] = [];
  let copying = false;
  const saidUnknown = new Set<string>();
  /** The highest sequence that was passed over and that no erasure is known to have taken. */
  let skipped = streamSeq(0);
  /** How far erasures are known to have taken messages out, beyond what the checkpoint says. */
  let fence = streamSeq(0);

  const position = (): StreamSeq => {
    const { seq } = store.checkpoint();
    return memory ? streamSeq(Math.min(memory.position(), seq)) : seq;
  };
  const behind = (): boolean => position() < store.checkpoint().seq;

  /** One reader's life: from opening behind the checkpoint to the first doubt. */
  interface Session {
    buffer: Delivery[];
    expected: number;
    lastSeq: number;
    timer: NodeJS.Timeout | undefined;
    /** When the timer fires, and when the last batch was done; milliseconds, monotonic. */
    due: number;
    flushed: number;
    end(reason: string, trouble?: boolean): void;
    ended: Promise<Ended>;
    over: boolean;
    created: string;
    lastHeard: number;
  }

  function openSession(created: string): Session {
    let end!: (ended: Ended) => void;
    const ended = new Promise<Ended>((resolve) => {
      end = resolve;
    });
    const opened: Session = {
      buffer: [],
      expected: 1,
      lastSeq: position(),
      timer: undefined,
      due: Number.POSITIVE_INFINITY,
      flushed: Number.NEGATIVE_INFINITY,
      ended,
      over: false,
      created,
      lastHeard: performance.now(),
      end: (reason, isTrouble = false) => {
        if (opened.over) return;
        opened.over = true;
        clearTimeout(opened.timer);
        end({ reason, trouble: isTrouble });
      },
    };
    return opened;
  }

  function take(current: Session, delivery: Delivery): void {
    if (current.over) return;
    current.lastHeard = performance.now();
    if (delivery.delivery < current.expected && delivery.seq <= current.lastSeq) return;
    if (delivery.delivery !== current.expected || delivery.seq <= current.lastSeq) {
      flush(current);
      current.end(`delivery ${delivery.delivery} where ${current.expected} was due`);
      return;
    }
    if (delivery.seq > current.lastSeq + 1 && delivery.seq - 1 > Math.max(fence, store.checkpoint().fence)) {
      // A server whose file is damaged passes over what it can't read, and counts on: nothing else would show it.
      flush(current);
      skipped = streamSeq(delivery.seq - 1);
      current.end(`sequence ${skipped} is missing`);
      return;
    }
    current.expected++;
    current.lastSeq = delivery.seq;
    pending = delivery.pending;
    current.buffer.push(delivery);
    if (current.buffer.length >= limits.batchMax || awaited(delivery.seq)) {
      flush(current);
      return;
    }
    // Nothing is behind it as the server saw it; but of messages that come close together each is the last for a moment,
    // and a transaction costs as much as folding some dozens of them.
    const due = delivery.pending > 0 ? current.lastHeard + limits.batchWaitMs : current.flushed + limits.batchRestMs;
    if (due <= current.lastHeard && delivery.pending === 0) flush(current);
    else flushBy(current, due);
  }

  /** Whether somebody waits for a position up to this one: they are not to wait for a rest to end. */
  const awaited = (seq: number): boolean => waiters.some((waiter) => waiter.seq <= seq);

  /** Flushes at a moment, or before. */
  function flushBy(current: Session, due: number): void {
    if (due >= current.due) return;
    clearTimeout(current.timer);
    current.due = due;
    current.timer = setTimeout(() => flush(current), Math.max(0, due - performance.now()));
  }

  function flush(current: Session): void {
    clearTimeout(current.timer);
    current.timer = undefined;
    current.due = Number.POSITIVE_INFINITY;
    const batch = current.buffer;
    if (batch.length === 0 || current.over) return;
    current.buffer = [];
    const newest = batch.at(-1) as Delivery;
    // Who was answered is not to wait for the transaction.
    sendNow();
    try {
      if (behind()) recall(batch, newest);
      if (newest.seq > store.checkpoint().seq) commit(batch, current.created);
    } catch (err) {
      // Nothing was changed; the reader is opened again behind the checkpoint after a pause.
      trouble = { code: (err as { code?: string }).code ?? 'FRESHET_FOLD_TROUBLE', message: messageOf(err) };
      logger.error({ err, service, seq: store.checkpoint().seq }, 'a batch could not be committed');
      current.end('commit failed', true);
      return;
    }
    trouble = undefined;
    current.flushed = performance.now();
    if (newest.pending === 0) everCaughtUp = true;
    observer.lag?.(newest.pending);
    wakeWaiters();
  }

  /** What the rows hold already goes to memory alone. */
  function recall(batch: readonly Delivery[], newest: Delivery): void {
    const { seq } = store.checkpoint();
    const again = batch.filter((message) => message.seq <= seq);
    // Where nothing more is to come up to the checkpoint, its position is reached: what is missing was erased.
    const to = newest.seq > seq || newest.pending === 0 ? seq : newest.seq;
    const last = again.at(-1);
    const mark = last && { seq: last.seq, digest: messageDigest(last), timestamp: last.timestamp };
    memory?.recall(store.applied(again), streamSeq(to), mark);
  }

  function commit(batch: readonly Delivery[], created: string): void {
    const started = performance.now();
    const result = store.commit(batch, created);
    observer.batch?.(result, batch.length, (performance.now() - started) / 1000);
    observer.age?.(Math.max(0, Date.now() - (batch.at(-1) as Delivery).timestamp));
    for (const dead of result.deadLetters)
      logger.warn({ service, seq: dead.seq, code: dead.code, reason: dead.message }, 'event set aside');
    for (const type of result.unknownTypes) {
      if (saidUnknown.has(type) || saidUnknown.size >= 100) continue;
      saidUnknown.add(type);
      logger.warn({ service, type }, 'events of a type that is not known are passed over');
    }
    if (result.deadLetters.length > 0) void copyDeadLetters();
    if (result.applied.length > 0) onApplied?.(result.applied);
  }

  function wakeWaiters(): void {
    if (waiters.length === 0) return;
    const seq = position();
    const due = waiters.filter((waiter) => waiter.seq <= seq);
    if (due.length === 0) return;
    waiters = waiters.filter((waiter) => waiter.seq > seq);
    for (const waiter of due) waiter.resolve();
  }

  /** Copies are published after the commit, as often as it takes; the row is what counts. */
  async function copyDeadLetters(): Promise<void> {
    if (!copyDeadLetter || copying) return;
    copying = true;
    try {
      for (let dead = store.uncopied(100); dead.length > 0 && !stopped; dead = store.uncopied(100)) {
        for (const one of dead) {
          await copyDeadLetter(one);
          store.copied(one.seq);
        }
      }
    } catch (err) {
      logger.warn({ err, service }, 'dead letters could not be copied to the stream; it is tried again');
    } finally {
      copying = false;
    }
  }

  async function check(): Promise<LogInfo | undefined> {
    const checkpoint = store.checkpoint();
    const outcome = await checkLog(log, { service, checkpoint, fingerprints: store.fingerprints(), skipped });
    known = outcome.info;
    if (outcome.refused) {
      if (outcome.refused.code !== refused?.code)
        logger.error(
          { service, ...errorFields(outcome.refused) },
          'the log is not the one this projection was made from',
        );
      refused = outcome.refused;
      observer.refused?.(true);
      return undefined;
    }
    if (refused) logger.info({ service }, 'the log is the right one again');
    refused = undefined;
    fence = streamSeq(Math.max(fence, outcome.fence));
    skipped = streamSeq(0);
    observer.refused?.(false);
    if (position() >= outcome.info.lastSeq) everCaughtUp = true;
    if (!session || session.buffer.length === 0) pending = Math.max(0, outcome.info.lastSeq - position());
    observer.lag?.(pending);
    return outcome.info;
  }

  async function readOnce(): Promise<Ended> {
    const info = await check();
    if (!info) return { reason: 'refused', trouble: true };
    // Stopped while the log was asked: there was no session yet that could have been ended.
    if (stopped) return { reason: 'stopped', trouble: false };
    const current = openSession(info.created);
    session = current;
    let reader: LogReader | undefined;
    const timers: NodeJS.Timeout[] = [];
    try {
      reader = await log.read(consumer, streamSeq(position() + 1), {
        message: (delivery) => take(current, delivery),
        interrupted: (reason) => {
          flush(current);
          current.end(reason);
        },
      });
      timers.push(
        every(limits.checkIntervalMs, () => watchLog(current)),
        every(limits.idleCheckMs, () => watchIdle(current, reader)),
      );
      void copyDeadLetters();
      return await current.ended;
    } finally {
      for (const timer of timers) clearInterval(timer);
      current.end('closed');
      session = undefined;
      await reader?.close().catch((err: unknown) => logger.debug({ err }, 'reader closed with an error'));
    }
  }

  async function watchLog(current: Session): Promise<void> {
    try {
      flush(current);
      if (!(await check())) current.end('refused', true);
      else if (current.created !== known?.created) current.end('the stream is another one');
      void copyDeadLetters();
    } catch (err) {
      logger.debug({ err, service }, 'the log could not be checked');
      if (isStorageTrouble(err)) current.end('storage trouble', true);
    }
  }

  /** A cut that takes the last messages of a quiet log leaves no gap to see, so the server is asked what it has sent. */
  async function watchIdle(current: Session, reader: LogReader | undefined): Promise<void> {
    if (performance.now() - current.lastHeard < limits.idleCheckMs || !reader) return;
    const before = current.expected;
    const sent = await reader.delivered().catch(() => undefined);
    if (sent === undefined) {
      current.end('the consumer does not answer');
      return;
    }
    if (sent < before) return;
    // What is still on the way gets one more turn to arrive.
    await new Promise((resolve) => setTimeout(resolve, limits.idleCheckMs));
    if (current.expected === before) current.end(`the server has sent ${sent} messages, ${before - 1} came`);
  }

  const every = (ms: number, task: () => Promise<void>): NodeJS.Timeout => {
    let busy = false;
    return setInterval(() => {
      if (busy) return;
      busy = true;
      void task().finally(() => {
        busy = false;
      });
    }, ms);
  };

  async function run(): Promise<void> {
    let pause = limits.backoffMinMs;
    while (!stopped) {
      const before = position();
      let ended: Ended;
      try {
        ended = await readOnce();
      } catch (err) {
        trouble = { code: (err as { code?: string }).code ?? 'FRESHET_LOG_UNREACHABLE', message: messageOf(err) };
        logger.warn({ service, ...errorFields(err) }, 'the log could not be read');
        ended = { reason: messageOf(err), trouble: true };
      }
      if (stopped) return;
      observer.interrupted?.(ended.reason);
      logger.debug(
        { service, reason: ended.reason, seq: store.checkpoint().seq },
        'reading again behind the checkpoint',
      );
      if (position() > before && !ended.trouble) pause = limits.backoffMinMs;
      await sleep(
        ended.reason === 'refused' ? Math.max(pause, Math.min(limits.checkIntervalMs, limits.backoffMaxMs)) : pause,
      );
      pause = Math.min(pause * 2, limits.backoffMaxMs);
    }
  }

  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  function state(): ProjectionState {
    if (stopped) return 'down';
    if (refused) return 'refusing';
    if (!everCaughtUp && store.rebuilt) return 'rebuilding';
    return everCaughtUp && !trouble && pending <= limits.readyLag ? 'ready' : 'catching-up';
  }

  return {
    start: () => {
      running = run();
    },
    stop: async () => {
      if (stopped) return running;
      stopped = true;
      if (session) {
        flush(session);
        session.end('stopped');
      }
      wakeUp();
      for (const waiter of [...waiters]) waiter.giveUp();
      await running;
    },
    status: () => ({
      state: state(),
      checkpoint: store.checkpoint(),
      seq: position(),
      lag: pending + (session?.buffer.length ?? 0),
      ...(refused ? { trouble: errorFields(refused) } : trouble ? { trouble } : {}),
    }),
    position,
    reached: (seq, timeoutMs) =>
      new Promise((resolve, reject) => {
        if (position() >= seq) return resolve(position());
        const asked = performance.now();
        const waiter: Waiter = {
          seq,
          resolve: () => {
            clearTimeout(timer);
            resolve(position());
          },
          giveUp: () => {
            clearTimeout(timer);
            waiters = waiters.filter((other) => other !== waiter);
            const at = position();
            reject(
              new SequenceNotReachedError(
                `${service} has folded the log up to ${at}; ${seq} was asked for within ${timeoutMs} ms${stopped ? `, and it stopped after ${Math.round(performance.now() - asked)}` : ''}.`,
                {
                  next: 'ask again, with a larger timeout_ms, or see freshet status',
                  details: { asked: seq, reached: at },
                },
              ),
            );
          },
        };
        const timer = setTimeout(() => waiter.giveUp(), timeoutMs);
        waiters.push(waiter);
        if (session && (session.buffer.at(-1)?.seq ?? 0) >= seq) flush(session);
      }),
    caughtUp: () => pending === 0 && !behind(),
  };
}

/** What is worth logging or showing of an error. */
export function errorFields(err: unknown): { code: string; message: string; next?: string } {
  const { code = 'FRESHET_INTERNAL', next } = err as { code?: string; next?: string };
  return { code, message: messageOf(err), ...(next ? { next } : {}) };
}
