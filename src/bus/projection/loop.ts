/**
 * The loop from the log to a projection, the same for every service. It reads the log as a named consumer from the
 * checkpoint on, and expects every delivery to follow the one before. On any doubt it closes the reader and opens another
 * one behind the checkpoint, so that it loses no message and counts none twice, whatever connection or process breaks.
 */
import type { Logger } from 'pino';
import { type LogRefusedError, LossAcceptedError, messageOf } from '../../errors.ts';
import { nowMs, type Tracing } from '../../observability/tracing/tracing.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import { acceptedLosses } from '../log/losses.ts';
import type { Delivery, Log, LogInfo, LogReader } from '../log/port.ts';
import { type SequenceRange, unexplainedIn } from '../log/sequences.ts';
import { createPoller, type Poller } from '../nats/poller.ts';
import { flushWrites } from '../nats/write-coalescing.ts';
import { createAfterCommit, type EffectStatus, type Followers } from './after-commit.ts';
import { createBatchSize } from './batch-size.ts';
import { checkLog, lossAccepted } from './checks.ts';
import { createDeadLetterCopies, type DeadLetterStream } from './dead-letter-copies.ts';
import { createErasureSlices } from './erasure-slices.ts';
import { recordFold } from './fold-spans.ts';
import { createLostRows, isOfLoss, LOSS_ACCEPTED } from './lost-rows.ts';
import { type Ended, openSession, type Session } from './session.ts';
import { type BatchResult, type Checkpoint, isStorageTrouble, messageDigest, type ProjectionStore } from './store.ts';
import { createWaiters, type Waiters } from './waiters.ts';

export type ProjectionState = 'ready' | 'catching-up' | 'rebuilding' | 'refusing' | 'down';

export interface ProjectionStatus {
  state: ProjectionState;
  checkpoint: Checkpoint;
  /** Position of the state that answers: the checkpoint, or that of the state in memory while it is behind the checkpoint. */
  seq: StreamSeq;
  /** Messages of the log that the service has not folded yet, by the newest known head. */
  lag: number;
  /** Why the service refuses the log, or why it cannot go on now. */
  trouble?: { code: string; message: string; next?: string };
  /** Effects of commits that have failed since the process started. */
  effects: EffectStatus[];
  /** Whether the service is removing a forgotten user in slices, so that its state is between two folds. */
  erasing: boolean;
}

/** Gets the events of the loop, for metrics. */
export interface LoopObserver {
  batch?(result: BatchResult, messages: number, seconds: number): void;
  lag?(messages: number): void;
  interrupted?(reason: string): void;
  refused?(refused: boolean): void;
  /** Milliseconds from when the log took the batch's newest message to its commit. */
  age?(milliseconds: number): void;
  /** An effect of a commit failed. */
  effectFailed?(effect: string): void;
  /** A slice of an erasure took so many seconds. */
  erasureSlice?(seconds: number): void;
}

export interface LoopLimits {
  /** Most messages in one transaction. */
  batchMax: number;
  /** Milliseconds that a batch, followers included, should take; infinite: as many as `batchMax` allows. */
  batchMs: number;
  /** Messages that the state in memory folds at once while it is behind the rows, so without a transaction. */
  catchUpMax: number;
  /** Most messages in one transaction while the rows are behind a state that began ahead of them: nobody gets an answer. */
  rowsAloneMax: number;
  /** Milliseconds that an incomplete batch waits for more messages. */
  batchWaitMs: number;
  /**
   * Least milliseconds from one transaction to the next. Messages that arrive meanwhile share the next one, unless a
   * caller waits for them.
   */
  batchRestMs: number;
  /** Milliseconds without a message after which the loop asks the server how many it has sent. */
  idleCheckMs: number;
  /** Milliseconds between comparisons of log and checkpoint. */
  checkIntervalMs: number;
  /** Lag, in messages, above which a service reports that it catches up. */
  readyLag: number;
  /** Pause after a slice of an erasure, as a multiple of the processor time that it took. */
  eraseRest: number;
  /** Most bytes of requests that wait for a position. */
  waitingBytes: number;
  /** First and longest pause after a failure, milliseconds. */
  backoffMinMs: number;
  backoffMaxMs: number;
}

export const LOOP_LIMITS: LoopLimits = {
  batchMax: 500,
  batchMs: Number.POSITIVE_INFINITY,
  catchUpMax: 10,
  rowsAloneMax: 500,
  batchWaitMs: 20,
  batchRestMs: 50,
  idleCheckMs: 1_000,
  checkIntervalMs: 5_000,
  readyLag: 10_000,
  eraseRest: 3,
  waitingBytes: 16_777_216,
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
  /** Makes spans of the fold of traced events; left out: none. */
  tracing?: Tracing | undefined;
  /** Publishes copies of dead letters. Its success or failure changes nothing in the projection. */
  deadLetterStream?: DeadLetterStream;
  /** Followers of each commit. The loop reads them at every commit, so the owner may add some later. */
  followers?: Followers;
  /** Called when the state follower has failed: this loop has stopped reading, and its owner builds the state again. */
  onStateFailed?: () => void;
}

export interface ProjectionLoop {
  start(): void;
  /** Commits the received messages and closes the reader. */
  stop(): Promise<void>;
  status(): ProjectionStatus;
  /** Position of the state that answers, see {@link ProjectionStatus}. */
  position(): StreamSeq;
  /** Position that the rows have to reach before the state in memory can answer: it may have begun ahead of them. */
  answersFrom(): StreamSeq;
  /** Waits for this position. */
  reached: Waiters['reached'];
  /** A caller has asked something: for a while, batches are small enough for others not to wait long. */
  requested(): void;
  /** True while the only waiting messages are those that the next transaction will commit. */
  caughtUp(): boolean;
  /**
   * Messages of the log that the state does not hold yet, by the newest head that the loop knows; undefined until it has
   * compared the state with the log. It costs no request.
   */
  lag(): number | undefined;
  /** Publishes a copy of every dead letter again, because somebody deleted the stream of copies. */
  copyDeadLettersAgain(): Promise<void>;
  /** See {@link ProjectionStatus.erasing}. */
  erasing(): boolean;
  /**
   * Lets the batches wait, so that the state in memory stays as it is while the caller reads it in steps, between requests.
   * Only while no erasure is under way in the state: its slices do not wait. Returns a function that ends the wait.
   */
  hold(): () => void;
}

/** Transactions of rows alone for which the reader requests messages at once. */
const ROWS_ALONE_AHEAD = 4;

/** Milliseconds after a request in which the loop expects another one. */
const ASKED_MS = 1_000;

export function createProjectionLoop(options: LoopOptions): ProjectionLoop {
  const { service, log, store, logger, observer = {}, deadLetterStream, followers = {}, tracing } = options;
  const consumer = options.consumer ?? `${service}-projection`;
  const limits = { ...LOOP_LIMITS, ...options.limits };

  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let wakeUp: () => void = () => {};
  let session: Session | undefined;
  let reader: LogReader | undefined;
  let known: LogInfo | undefined;
  let pending = 0;
  let everCaughtUp = false;
  let refused: LogRefusedError | undefined;
  let trouble: { code: string; message: string; next?: string } | undefined;
  const reportedTypes = new Set<string>();
  /** The highest missing sequence that no known erasure explains. */
  let skipped = streamSeq(0);
  /** Sequence up to which known erasures may have removed messages, if it is above the fence of the checkpoint. */
  let fence = streamSeq(0);
  /** Sequences without a message that restores and accepted losses explain. */
  let explained: readonly SequenceRange[] = [];
  const holds = createLostRows(store.db);
  const batchSize = createBatchSize(limits);
  /** How many callers of {@link ProjectionLoop.hold} let the batches wait. */
  let holders = 0;
  /** When a caller last asked something, monotonic milliseconds. */
  let requestedAt = Number.NEGATIVE_INFINITY;

  const position = (): StreamSeq => {
    const { seq } = store.checkpoint();
    return followers.state ? streamSeq(Math.min(followers.state.position(), seq)) : seq;
  };
  const behind = (): boolean => position() < store.checkpoint().seq;
  const answersFrom = (): StreamSeq => followers.state?.position() ?? streamSeq(0);
  const waiters = createWaiters({ service, position, maxBytes: limits.waitingBytes });
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

  const slices = createErasureSlices({
    service,
    store,
    followers,
    afterCommit,
    rest: limits.eraseRest,
    retryMs: limits.backoffMaxMs,
    logger,
    onStateFailed: () => {
      const failure = afterCommit.stateFailure();
      trouble = errorFields(failure);
      logger.error({ err: failure, service, seq: position() }, 'the state in memory no longer follows the log');
      session?.end('the state follower failed', true);
    },
    onSlice: observer.erasureSlice,
  });

  const lag = (): number => pending + (session?.buffered() ?? 0);

  /** Folds a batch, and hands it to the followers. Only an exception of the store is a failed commit, which changed nothing. */
  function fold(batch: readonly Delivery[], created: string): Ended | undefined {
    const newest = batch.at(-1) as Delivery;
    const began = performance.now();
    // Sends pending answers first, so that their callers do not wait for the transaction.
    flushWrites();
    const startedAt = tracing ? nowMs() : 0;
    let committed: { result: BatchResult; seconds: () => number } | undefined;
    try {
      if (behind()) catchUp(batch, newest);
      if (!afterCommit.stateFailure() && newest.seq > store.checkpoint().seq) {
        const started = performance.now();
        const result = store.commit(batch, created);
        committed = { result, seconds: () => (performance.now() - started) / 1000 };
      }
    } catch (err) {
      // After a pause the loop opens the reader again behind the checkpoint.
      trouble = { code: (err as { code?: string }).code ?? 'FRESHET_FOLD_TROUBLE', message: messageOf(err) };
      logger.error({ err, service, seq: store.checkpoint().seq }, 'the service could not commit a batch; it retries');
      return { reason: 'commit failed', trouble: true };
    }
    if (committed) follow(committed.result, batch, startedAt, committed.seconds);
    const failure = afterCommit.stateFailure();
    if (failure) {
      trouble = errorFields(failure);
      logger.error({ err: failure, service, seq: position() }, 'the state in memory no longer follows the log');
      return { reason: 'the state follower failed', trouble: true };
    }
    // The batch held the record of a loss: the check of the log says what follows.
    if (isOfLoss(store.rebuildDue())) return { reason: 'refused', trouble: true };
    batchSize.took(batch.length, performance.now() - began);
    trouble = undefined;
    if (newest.pending === 0) everCaughtUp = true;
    observer.lag?.(newest.pending);
    slices.poll();
    waiters.wake();
    return undefined;
  }

  /** Hands events that the rows hold already to the state follower alone. */
  function catchUp(batch: readonly Delivery[], newest: Delivery): void {
    const { seq } = store.checkpoint();
    const again = batch.filter((message) => message.seq <= seq);
    // Without further events up to the checkpoint, the follower has reached it: erasures removed the missing ones.
    const to = newest.seq > seq || newest.pending === 0 ? seq : newest.seq;
    const last = again.at(-1);
    const mark = last && { seq: last.seq, digest: messageDigest(last), timestamp: last.timestamp };
    afterCommit.run({ events: store.applied(again), seq: streamSeq(to), deadLetters: 0, catchUp: true }, mark);
  }

  /** Hands a committed batch to the followers. */
  function follow(result: BatchResult, batch: readonly Delivery[], startedAt: number, seconds: () => number): void {
    const { applied, deadLetters, unknownTypes } = result;
    const { seq } = store.checkpoint();
    const traces = tracing && recordFold(tracing, { batch, result, startedAt });
    afterCommit.run({
      events: applied,
      seq,
      deadLetters: deadLetters.length,
      catchUp: false,
      ...(traces ? { traces } : {}),
    });
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
    const outcome = await checkLog(log, {
      service,
      checkpoint,
      fingerprints: store.fingerprints(),
      skipped,
      holds,
      folded: (identity) => store.known([identity])[0] !== undefined,
    });
    known = outcome.info;
    explained = outcome.explained;
    // The file says so from now on, whatever process opens it next.
    if (outcome.refused instanceof LossAcceptedError && !isOfLoss(store.rebuildDue())) store.needRebuild(LOSS_ACCEPTED);
    if (!outcome.refused && isOfLoss(store.rebuildDue()))
      outcome.refused = lossAccepted(service, (await acceptedLosses(log)).at(-1));
    if (outcome.refused) {
      if (outcome.refused.code !== refused?.code)
        logger.error(
          { service, ...errorFields(outcome.refused) },
          outcome.refused instanceof LossAcceptedError
            ? 'this projection holds messages that the log has lost'
            : 'the log is not the one that this projection comes from',
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
    // The loop was stopped during the check of the log, when no session existed that `stop` could end.
    if (stopped) return { reason: 'stopped', trouble: false };
    const current = openSession({
      limits,
      batchMax: () => {
        if (position() < answersFrom()) return limits.rowsAloneMax;
        if (performance.now() - requestedAt > ASKED_MS) return limits.batchMax;
        return behind() ? Math.min(limits.catchUpMax, batchSize.most()) : batchSize.most();
      },
      position: position(),
      created: info.created,
      unexplained: unexplainedIn(
        () => Math.max(fence, store.checkpoint().fence),
        () => explained,
      ),
      awaits: waiters.awaits,
      onSkipped: (seq) => {
        skipped = seq;
      },
      onDelivery: (delivery) => {
        pending = delivery.pending;
      },
      onRoom: () => reader?.more?.(),
      held: () => holders > 0,
      commit: (batch) => fold(batch, info.created),
    });
    session = current;
    const pollers: Poller[] = [];
    try {
      const opened = await log.read(consumer, streamSeq(position() + 1), {
        message: current.take,
        full: current.full,
        awaited: waiters.any,
        wants: () => (position() < answersFrom() ? ROWS_ALONE_AHEAD * limits.rowsAloneMax : 0),
        interrupted: (reason) => {
          current.flush();
          current.end(reason);
        },
      });
      reader = opened;
      pollers.push(
        createPoller({ everyMs: limits.checkIntervalMs, run: () => watchLog(current) }),
        createPoller({ everyMs: limits.idleCheckMs, run: () => watchIdle(current, opened) }),
      );
      for (const poller of pollers) poller.start();
      return await current.ended;
    } finally {
      for (const poller of pollers) void poller.stop();
      current.end('closed');
      // The next session gets them again, and until it begins nothing else counts them.
      pending += current.buffered();
      session = undefined;
      const closing = reader;
      reader = undefined;
      await closing?.close().catch((err: unknown) => logger.debug({ err }, 'a reader failed to close'));
    }
  }

  async function watchLog(current: Session): Promise<void> {
    try {
      if (!(await check())) current.end('refused', true);
      else if (current.created !== known?.created) current.end('the stream was created again');
      afterCommit.retry();
    } catch (err) {
      logger.debug({ err, service }, 'the service could not check the log');
      if (isStorageTrouble(err)) current.end('storage trouble', true);
    }
  }

  /**
   * If a cut loses the last messages of a quiet log, no gap shows it, so the loop asks the server how many it has sent. A
   * nats-server 2.9.10 that had just started once moved four new consumers from sequence 2,086 to the end of the log,
   * 26,410, and counted none of the messages between as sent; so the loop compares its position with the log as well.
   */
  async function watchIdle(current: Session, opened: LogReader): Promise<void> {
    // Messages that wait for their batch are not missing.
    if (performance.now() - current.lastHeard < limits.idleCheckMs || holders > 0) return;
    const before = current.expected;
    const sent = await opened.delivered().catch(() => undefined);
    if (sent === undefined) {
      current.end('the consumer does not answer');
      return;
    }
    const head = known?.lastSeq ?? streamSeq(0);
    const short = sent < before;
    if (short && position() >= head) return;
    // Messages on their way get one more turn of the event loop to arrive.
    await new Promise((resolve) => setTimeout(resolve, limits.idleCheckMs));
    if (current.expected !== before) return;
    if (!short) current.end(`the server sent ${sent} messages, and ${before - 1} arrived`);
    else if (position() < head && (await log.at(head).catch(() => undefined)))
      current.end(`the server sends no more behind ${position()}, and the log goes on to ${head}`);
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
        // This state may contain a part of a batch, so only new state can follow the log from here.
        options.onStateFailed?.();
        return;
      }
      observer.interrupted?.(ended.reason);
      logger.debug(
        { service, reason: ended.reason, seq: store.checkpoint().seq },
        'the service creates its consumer again after the checkpoint',
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
    if (refused) return refused instanceof LossAcceptedError ? 'rebuilding' : 'refusing';
    if (!everCaughtUp && store.rebuilt) return 'rebuilding';
    return everCaughtUp && !trouble && pending <= limits.readyLag ? 'ready' : 'catching-up';
  }

  return {
    start: () => {
      afterCommit.start();
      slices.poll();
      running = run();
    },
    stop: async () => {
      if (stopped) return running;
      stopped = true;
      slices.stop();
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
      lag: lag(),
      ...(refused ? { trouble: errorFields(refused) } : trouble ? { trouble } : {}),
      effects: afterCommit.status(),
      erasing: slices.underWay(),
    }),
    erasing: slices.underWay,
    hold: () => {
      holders++;
      let released = false;
      return () => {
        if (released) return;
        released = true;
        holders--;
        if (holders === 0) session?.proceed();
      };
    },
    position,
    answersFrom,
    reached: (seq, timeoutMs, bytes) => {
      const reached = waiters.reached(seq, timeoutMs, bytes);
      if (session && session.bufferedTo() >= seq) session.flush(seq);
      else reader?.hurry?.();
      return reached;
    },
    requested: () => {
      requestedAt = performance.now();
    },
    caughtUp: () => pending === 0 && !behind(),
    lag: () => known && lag(),
    copyDeadLettersAgain: async () => {
      for (const one of copies) await one.again();
    },
  };
}

/** The members of an error for logs and status. */
export function errorFields(err: unknown): { code: string; message: string; next?: string } {
  const { code = 'FRESHET_INTERNAL', next } = err as { code?: string; next?: string };
  return { code, message: messageOf(err), ...(next ? { next } : {}) };
}
