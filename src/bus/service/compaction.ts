/**
 * Replaces a projection's file after an erasure by a copy of its rows, because SQLite leaves bytes of deleted rows in the
 * file. The copy takes the place of the live file by a cut-over, while the service goes on answering.
 */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { InstanceLockedError, messageOf } from '../../errors.ts';
import { createPoller } from '../nats/poller.ts';
import { copyWithoutTraces, removeDatabase } from '../projection/database.ts';
import { stepTaken } from '../projection/file-steps.ts';
import { type ProjectionFiles, requestCutOver } from '../projection/files.ts';
import { acquireLock } from './lock.ts';

export interface CompactionOptions {
  files: ProjectionFiles;
  instance: string;
  data: string;
  /** Whether the live file may hold bytes of removed rows. */
  due: () => boolean;
  /** Whether the compaction must wait: a rebuild, which replaces the file as well, runs or is due. */
  waits: () => boolean;
  /** Called when the copy is complete and waits for the cut-over. */
  onComplete: () => Promise<void>;
  logger: Logger;
  /** Milliseconds from the moment at which the compaction became due to its begin, so that one serves several erasures. */
  afterMs: number;
  /** Milliseconds from a failed compaction to the next one. */
  retryMs: number;
  pollMs: number;
}

export interface Compaction {
  start(): void;
  /** Waits for the copy under way. */
  stop(): Promise<void>;
}

export function createCompaction(options: CompactionOptions): Compaction {
  const { files, instance, data, due, waits, onComplete, logger, afterMs, retryMs, pollMs } = options;
  let from: number | undefined;

  async function run(): Promise<void> {
    if (waits() || !due()) {
      from = undefined;
      return;
    }
    from ??= performance.now() + afterMs;
    if (performance.now() < from) return;
    from = undefined;
    try {
      await compact();
    } catch (err) {
      // A command of an operator is rebuilding the projection: it replaces the file, too.
      if (err instanceof InstanceLockedError) return;
      from = performance.now() + retryMs;
      logger.error(
        { instance, reason: messageOf(err), pause_ms: retryMs },
        'The service could not copy its projection after an erasure, so the file may still hold bytes of removed rows. It tries again after the pause.',
      );
    }
  }

  async function compact(): Promise<void> {
    const lock = acquireLock(join(data, `${instance}.rebuild`), `The rebuild of ${instance} in ${data}`);
    const started = performance.now();
    try {
      // What a rebuild that was killed has left.
      removeDatabase(files.rebuild);
      stepTaken('rebuild-removed');
      await copyWithoutTraces(files.live, files.copy);
      stepTaken('copy-made');
      requestCutOver({ ...files, rebuild: files.copy });
      stepTaken('copy-requested');
    } finally {
      removeDatabase(files.copy);
      lock.release();
    }
    stepTaken('copy-handed-over');
    logger.info(
      { instance, seconds: (performance.now() - started) / 1000 },
      'the service has copied its projection after an erasure, and cuts over to the copy',
    );
    await onComplete();
  }

  const poller = createPoller({ everyMs: pollMs, run });
  return { start: poller.start, stop: poller.stop };
}
