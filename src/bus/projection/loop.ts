/**
 * From the log to a projection: the one loop, used by every service. It reads as a named consumer from the checkpoint
 * on, wants every delivery to follow the one before, and on any doubt closes the reader and opens another one behind
 * the checkpoint; so nothing is lost and nothing counts twice, whatever is cut or killed.
 */
import type { Logger } from 'pino';
import { type LogRefusedError, messageOf } from '../../errors.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import type { Delivery, Log, LogInfo, LogReader } from '../log/port.ts';
import { createPoller, type Poller } from '../nats/poller.ts';
import { flushWrites } from '../nats/write-coalescing.ts';
import { createAfterCommit, type EffectStatus, type Followers } from './after-commit.ts';
import { checkLog } from './checks.ts';
import { createDeadLetterCopies, type DeadLetterStream } from './dead-letter-copies.ts';
import { type Ended, openSession, type Session } from './session.ts';
import { type BatchResult, type Checkpoint, isStorageTrouble, messageDigest, type ProjectionStore } from './store.ts';
import { createWaiters } from './waiters.ts';

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
  /** Effects of commits that have failed since the process started. */
  effects: EffectStatus[];
}

/** Told of what happens, for metrics. */
export interface LoopObserver {
  batch?(result: BatchResult, messages: number, seconds: number): void;
  lag?(messages: number): void;
  interrupted?(reason: string): void;
  refused?(refused: boolean): void;
  /** Milliseconds from when the log took the batch's newest message to its commit. */
  age?(milliseconds: number): void;
  /** An effect of a commit failed. */
  effectFailed?(effect: string): void;
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

export interface LoopOptions {
  service: string;
  log: Log;
  store: ProjectionStore;
  logger: Logger;
  /** Name of the consumer; `<service>-projection` unless this is a replica. */
  consumer?: string;
  limits?: Partial<LoopLimits>;
  observer?: LoopObserver;
  /** Where copies of dead letters go; whether that succeeds now or later changes nothing in the projection. */
  deadLetterStream?: DeadLetterStream;
  /** What follows each commit; read at every commit, so its members may come after the loop was made. */
  followers?: Followers;
  /** The state follower has failed: this loop reads no more, and its owner makes the state anew. */
  onStateFailed?: () => void;
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

export function createProjectionLoop(options: LoopOptions): ProjectionLoop {
  const { service, log, store, logger, observer = {}, deadLetterStream, followers = {} } = options;
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
  let trouble: { code: string; message: string; next?: string } | undefined;
  const reportedTypes = new Set<string>();
  /** The highest sequence that was passed over and that no erasure is known to have taken. */
  let skipped = streamSeq(0);
  /** How far erasures are known to have taken messages out, beyond what the checkpoint says. */
  let fence = streamSeq(0);

  const position = (): StreamSeq => {
    const { seq } = store.checkpoint();
    return followers.state ? streamSeq(Math.min(followers.state.position(), seq)) : seq;
  };
  const behind = (): boolean => position() < store.checkpoint().seq;
  const waiters = createWaiters({ service, position });
  const copies = deadLetterStream
    ? [createDeadLetterCopies({ store, stream: deadLetterStream, stopped: () => stopped })]
    : [];
  const afterCommit = createAfterCommit({
    service,
    followers: {
      get state() {
        return followers.state;
      },
      get effects() {
        return [...copies, ...(followers.effects ?? [])];
      },
    },
    logger,
    onEffectFailed: observer.effectFailed,
  });

  /** Folds a batch, and hands it on. Only what the store throws is a commit that failed: then nothing was changed. */
  function fold(batch: readonly Delivery[], created: string): Ended | undefined {
    const newest = batch.at(-1) as Delivery;
    // Callers that were answered do not wait for the transaction.
    flushWrites();
    let committed: { result: BatchResult; seconds: () => number } | undefined;
    try {
      if (behind()) catchUp(batch, newest);
      if (!afterCommit.stateFailure() && newest.seq > store.checkpoint().seq) {
        const started = performance.now();
        const result = store.commit(batch, created);
        committed = { result, seconds: () => (performance.now() - started) / 1000 };
      }
    } catch (err) {
      // The reader is opened again behind the checkpoint after a pause.
      trouble = { code: (err as { code?: string }).code ?? 'FRESHET_FOLD_TROUBLE', message: messageOf(err) };
      logger.error({ err, service, seq: store.checkpoint().seq }, 'the service could not commit a batch; it retries');
      return { reason: 'commit failed', trouble: true };
    }
    if (committed) follow(committed.result, batch, committed.seconds);
    const failure = afterCommit.stateFailure();
    if (failure) {
      trouble = errorFields(failure);
      logger.error({ err: failure, service, seq: position() }, 'the state in memory no longer follows the log');
      return { reason: 'the state follower failed', trouble: true };
    }
    trouble = undefined;
    if (newest.pending === 0) everCaughtUp = true;
    observer.lag?.(newest.pending);
    waiters.wake();
    return undefined;
  }

  /** What the rows hold already goes to the state follower alone. */
  function catchUp(batch: readonly Delivery[], newest: Delivery): void {
    const { seq } = store.checkpoint();
    const again = batch.filter((message) => message.seq <= seq);
    // Where nothing more is to come up to the checkpoint, its position is reached: what is missing was erased.
    const to = newest.seq > seq || newest.pending === 0 ? seq : newest.seq;
    const last = again.at(-1);
    const mark = last && { seq: last.seq, digest: messageDigest(last), timestamp: last.timestamp };
    afterCommit.run({ events: store.applied(again), seq: streamSeq(to), deadLetters: 0, catchUp: true }, mark);
  }

  /** Hands on what was committed. */
  function follow(result: BatchResult, batch: readonly Delivery[], seconds: () => number): void {
    const { applied, deadLetters, unknownTypes } = result;
    const { seq } = store.checkpoint();
    afterCommit.run({ events: applied, seq, deadLetters: deadLetters.length, catchUp: false });
    observer.batch?.(result, batch.length, seconds());
    observer.age?.(Math.max(0, Date.now() - (batch.at(-1) as Delivery).timestamp));
    for (const dead of deadLetters)
      logger.warn(
        { service, seq: dead.seq, code: dead.code, reason: dead.message },
        'the service moved an event to the dead letters',
      );
    for (const type of unknownTypes) {
      if (reportedTypes.has(type) || reportedTypes.size >= 100) continue;
      reportedTypes.add(type);
      logger.warn({ service, type }, 'this release does not know a type of events and skips them');
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
          'the log is not the one that this projection comes from',
        );
      refused = outcome.refused;
      observer.refused?.(true);
      return undefined;
    }
    if (refused) logger.info({ service }, 'the log matches the projection again');
    refused = undefined;
    fence = streamSeq(Math.max(fence, outcome.fence));
    skipped = streamSeq(0);
    observer.refused?.(false);
    if (position() >= outcome.info.lastSeq) everCaughtUp = true;
    if (!session || session.buffered() === 0) pending = Math.max(0, outcome.info.lastSeq - position());
    observer.lag?.(pending);
    return outcome.info;
  }

  async function readOnce(): Promise<Ended> {
    const info = await check();
    if (!info) return { reason: 'refused', trouble: true };
    // Stopped while the log was asked: there was no session yet that could have been ended.
    if (stopped) return { reason: 'stopped', trouble: false };
    const current = openSession({
      limits,
      position: position(),
      created: info.created,
      fence: () => Math.max(fence, store.checkpoint().fence),
      awaits: waiters.awaits,
      onSkipped: (seq) => {
        skipped = seq;
      },
      onDelivery: (delivery) => {
        pending = delivery.pending;
      },
      commit: (batch) => fold(batch, info.created),
    });
    session = current;
    let reader: LogReader | undefined;
    const pollers: Poller[] = [];
    try {
      reader = await log.read(consumer, streamSeq(position() + 1), {
        message: current.take,
        interrupted: (reason) => {
          current.flush();
          current.end(reason);
        },
      });
      pollers.push(
        createPoller({ everyMs: limits.checkIntervalMs, run: () => watchLog(current) }),
        createPoller({ everyMs: limits.idleCheckMs, run: () => watchIdle(current, reader) }),
      );
      for (const poller of pollers) poller.start();
      return await current.ended;
    } finally {
      for (const poller of pollers) void poller.stop();
      current.end('closed');
      session = undefined;
      await reader?.close().catch((err: unknown) => logger.debug({ err }, 'a reader failed to close'));
    }
  }

  async function watchLog(current: Session): Promise<void> {
    try {
      current.flush();
      if (!(await check())) current.end('refused', true);
      else if (current.created !== known?.created) current.end('somebody created the stream again');
      afterCommit.retry();
    } catch (err) {
      logger.debug({ err, service }, 'the service could not check the log');
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
    if (current.expected === before) current.end(`the server sent ${sent} messages, and ${before - 1} arrived`);
  }

  async function run(): Promise<void> {
    let pause = limits.backoffMinMs;
    while (!stopped) {
      const before = position();
      let ended: Ended;
      try {
        ended = await readOnce();
      } catch (err) {
        trouble = { code: (err as { code?: string }).code ?? 'FRESHET_LOG_UNREACHABLE', message: messageOf(err) };
        logger.warn({ service, ...errorFields(err) }, 'the service could not read the log; it retries');
        ended = { reason: messageOf(err), trouble: true };
      }
      if (stopped) return;
      if (afterCommit.stateFailure()) {
        // Only another state can follow from here: this one may hold a part of a batch.
        options.onStateFailed?.();
        return;
      }
      observer.interrupted?.(ended.reason);
      logger.debug(
        { service, reason: ended.reason, seq: store.checkpoint().seq },
        'the service opens another reader behind the checkpoint',
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
      afterCommit.start();
      running = run();
    },
    stop: async () => {
      if (stopped) return running;
      stopped = true;
      if (session) {
        session.flush();
        session.end('stopped');
      }
      wakeUp();
      waiters.end();
      await running;
    },
    status: () => ({
      state: state(),
      checkpoint: store.checkpoint(),
      seq: position(),
      lag: pending + (session?.buffered() ?? 0),
      ...(refused ? { trouble: errorFields(refused) } : trouble ? { trouble } : {}),
      effects: afterCommit.status(),
    }),
    position,
    reached: (seq, timeoutMs) => {
      const reached = waiters.reached(seq, timeoutMs);
      if (session && session.bufferedTo() >= seq) session.flush();
      return reached;
    },
    caughtUp: () => pending === 0 && !behind(),
  };
}

/** What is worth logging or showing of an error. */
export function errorFields(err: unknown): { code: string; message: string; next?: string } {
  const { code = 'FRESHET_INTERNAL', next } = err as { code?: string; next?: string };
  return { code, message: messageOf(err), ...(next ? { next } : {}) };
}
