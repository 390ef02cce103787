/** The messages of the log behind one position and up to another, each once and in order, for state without rows of its own. */

import type { StreamSeq } from '../event/ids.ts';
import type { Delivery, Log, LogReader } from '../log/port.ts';
import { type SequenceRange, unexplainedIn } from '../log/sequences.ts';
import { createPoller } from '../nats/poller.ts';
import { boundedLog } from './bounded.ts';
import { checkLog } from './checks.ts';
import { LOOP_LIMITS, type LoopLimits } from './loop.ts';
import { RebuildRefusedError } from './rebuild.ts';
import { type Ended, openSession, type Session } from './session.ts';

export interface RangeOptions {
  log: Log;
  /** The service that reads, for errors about the log. */
  service: string;
  /** Name of the reader. */
  consumer: string;
  /** The position behind which the range begins. */
  from: StreamSeq;
  /** The last sequence to read. */
  to: StreamSeq;
  /** Sequence up to which erasures may have taken messages out. */
  fence: StreamSeq;
  /** Gets the messages in batches. An exception ends the range. */
  onBatch: (batch: readonly Delivery[]) => void;
  limits?: Partial<LoopLimits> | undefined;
}

/**
 * Reads the range. On any doubt (a gap in the deliveries, a cut, silence) it closes the reader and opens another one behind
 * the last batch. Throws what `onBatch` throws, and `RebuildRefusedError` if messages are missing that no erasure removed.
 */
export async function readRange(options: RangeOptions): Promise<void> {
  const { log, service, consumer, to, onBatch } = options;
  const limits = { ...LOOP_LIMITS, ...options.limits };
  let { from: at, fence } = options;
  let failure: { cause: unknown } | undefined;
  let skipped: StreamSeq | undefined;
  let explained: readonly SequenceRange[] = [];
  const { created } = await log.info();

  const take = (batch: readonly Delivery[]): Ended | undefined => {
    try {
      onBatch(batch);
    } catch (cause) {
      failure = { cause };
      return { reason: 'the batch of the range failed', trouble: true };
    }
    at = (batch.at(-1) as Delivery).seq;
    return undefined;
  };

  for (let pause = limits.backoffMinMs; at < to; pause = Math.min(2 * pause, limits.backoffMaxMs)) {
    const before = at;
    const bounded = boundedLog(log, { seq: to }, at);
    let reader: LogReader | undefined;
    const session = openSession({
      limits,
      batchMax: () => limits.batchMax,
      position: at,
      created,
      unexplained: unexplainedIn(
        () => fence,
        () => explained,
      ),
      awaits: () => false,
      onSkipped: (seq) => {
        skipped = seq;
      },
      onDelivery: () => {},
      onRoom: () => reader?.more?.(),
      commit: take,
    });
    reader = await bounded.read(consumer, (at + 1) as StreamSeq, {
      message: (delivery) => {
        session.take(delivery);
        if (bounded.finished() !== undefined) finish(session);
      },
      full: session.full,
      interrupted: (reason) => session.end(reason),
    });
    const poller = createPoller({
      everyMs: limits.batchWaitMs,
      run: () => {
        if (bounded.finished() !== undefined) finish(session);
        else if (performance.now() - session.lastHeard > 2 * limits.idleCheckMs)
          session.end('nothing came for a while');
      },
    });
    poller.start();
    try {
      await session.ended;
    } finally {
      await poller.stop();
      await reader.close().catch(() => {});
    }
    if (failure) throw failure.cause;
    const end = bounded.finished();
    if (end !== undefined && at >= end) return;
    const checkpoint = { seq: at, created, fence };
    // The caller has compared the state at the beginning of the range with the log.
    const holds = (): boolean => false;
    const subject = { service, checkpoint, fingerprints: [], holds, ...(skipped ? { skipped } : {}) };
    const checked = await checkLog(log, subject);
    if (checked.refused) throw new RebuildRefusedError(checked.refused);
    ({ fence, explained } = checked);
    skipped = undefined;
    if (at > before) pause = limits.backoffMinMs;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

function finish(session: Session): void {
  session.flush();
  session.end('the range is read');
}
