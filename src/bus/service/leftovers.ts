/**
 * Files beside the live projection that processes have left which were killed: a rebuild, a copy, a complete rebuild of
 * another fold version, the state that belongs to one, and the projection of a shadow. After an erasure such a file may
 * hold the user. It is derived data, so the service removes it as soon as no process works on it.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { InstanceLockedError, messageOf } from '../../errors.ts';
import { createPoller } from '../nats/poller.ts';
import { mayHoldErased, removeDatabase } from '../projection/database.ts';
import { type ProjectionFiles, projectionFiles, versionOf } from '../projection/files.ts';
import { acquireLock } from './lock.ts';

export interface LeftoversOptions {
  files: ProjectionFiles;
  data: string;
  instance: string;
  /** Sequence up to which the live projection has followed erasures; 0: it knows none. */
  fence: () => number;
  /** Fold version of the projection that the service answers from, or cuts over to. */
  version: () => string;
  /** Whether a cut-over is under way, which still needs the state of the rebuilt projection. */
  waits: () => boolean;
  /** Name of a process whose files are in the same folder and have no owner once it is dead: the shadow of the engine. */
  shadow?: string;
  /** Called when the files of a dead shadow are gone. */
  onShadowRemoved?: () => Promise<void>;
  logger: Logger;
  pollMs: number;
}

export interface Leftovers {
  /** Whether a file beside the live projection may hold a user whom the projection has forgotten. */
  due(): boolean;
  start(): void;
  stop(): Promise<void>;
}

export function createLeftovers(options: LeftoversOptions): Leftovers {
  const { files, data, instance, fence, version, waits, shadow, onShadowRemoved, logger, pollMs } = options;
  const beside = shadow === undefined ? undefined : projectionFiles(data, shadow);

  const suspect = (file: string): boolean => existsSync(file) && mayHoldErased(file, fence());
  /** The state that belongs to `next` comes with it, shortly before. */
  const suspectImage = (): boolean => existsSync(files.image) && (!existsSync(files.next) || suspect(files.next));

  const due = (): boolean =>
    fence() > 0 &&
    ([files.rebuild, files.next, files.copy].some(suspect) ||
      suspectImage() ||
      (beside !== undefined && suspect(beside.live)));

  /** Removes what no process works on. A process that works holds a lock, and folds the erasure by itself. */
  async function run(): Promise<void> {
    if (waits() || !due()) return;
    withLock(`${instance}.rebuild`, () => {
      for (const file of [files.rebuild, files.copy]) if (suspect(file)) remove(file);
      // The service cuts over to one of its own version, and folds the erasure before.
      if (suspect(files.next) && versionOf(files.next) !== version()) remove(files.next);
      if (suspectImage() && !existsSync(files.next)) {
        rmSync(files.image, { force: true });
        said(files.image);
      }
    });
    if (beside === undefined || !suspect(beside.live)) return;
    const dead = withLock(shadow as string, () => remove(beside.live));
    if (dead) await onShadowRemoved?.();
  }

  function remove(file: string): void {
    removeDatabase(file);
    said(file);
  }
  const said = (file: string): void =>
    logger.warn(
      { instance, file },
      'the service has removed a file of a process that ended early, because it may hold a user who was forgotten since',
    );

  /** False if another process holds the lock. */
  function withLock(name: string, work: () => void): boolean {
    try {
      const lock = acquireLock(join(data, name), name);
      try {
        work();
      } finally {
        lock.release();
      }
      return true;
    } catch (err) {
      if (err instanceof InstanceLockedError) return false;
      throw err;
    }
  }

  const poller = createPoller({
    everyMs: pollMs,
    run,
    onError: (err) =>
      logger.error(
        { instance, reason: messageOf(err) },
        'The service could not remove files of processes that ended early. They may hold a user who was forgotten since.',
      ),
  });
  return { due, start: poller.start, stop: poller.stop };
}
