/**
 * How a running service replaces its projection by a rebuilt one. It folds the messages that came during the rebuild into
 * the rebuilt projection while the live one goes on answering and learning. Then it holds requests for the moment in which
 * the files change places. It begins when the process that the service started for the rebuild ends. The complete rebuild
 * of another process, such as that of an operator's command, it finds at a poll.
 */
import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { messageOf } from '../../errors.ts';
import { createPoller } from '../nats/poller.ts';
import { foldVersion, type ProjectionDefinition } from '../projection/definition.ts';
import { discardNext, type ProjectionFiles, replaceLiveFile, versionOf } from '../projection/files.ts';
import { createRebuild, type RebuildOptions } from '../projection/rebuild.ts';
import type { Checkpoint } from '../projection/store.ts';

export interface CutOverOptions<Tables> {
  files: ProjectionFiles;
  /** The definition of now. The service cuts over only to a projection that this definition made. */
  definition: () => ProjectionDefinition<Tables>;
  rebuild: Omit<RebuildOptions<Tables>, 'file' | 'definition'>;
  logger: Logger;
  /** Milliseconds between two polls for the complete rebuild of another process, such as that of an operator's command. */
  pollMs: number;
  /** Whether a process that this service started may still work on the file. Its end calls {@link CutOver.poll}. */
  rebuilding: () => boolean;
  /** Position of the live projection. */
  position: () => number;
  /** Called while the live projection still answers; see `ServiceDescription.beforeCutOver`. */
  before?: ((definition: ProjectionDefinition<Tables>, goOn: () => boolean) => Promise<void>) | undefined;
  /** Stops the live projection's loop, and holds requests. */
  pause: () => Promise<void>;
  /** Goes on with the live projection, because the service cannot use the rebuilt one. */
  resume: () => Promise<void>;
  /** Called when the service cannot use the rebuilt projection and has removed it. */
  onDiscarded: () => void;
  /** Closes the live projection, lets `replaceFile` put the other file in its place, and begins again. */
  replace: (replaceFile: () => void, definition: ProjectionDefinition<Tables>) => Promise<void>;
}

export interface CutOver {
  start(): void;
  /** Cuts over now if a rebuild is complete. Does not throw. */
  poll(): Promise<void>;
  /** Waits for the current cut-over. */
  stop(): Promise<void>;
}

export function createCutOver<Tables>(options: CutOverOptions<Tables>): CutOver {
  const { files, logger, pollMs } = options;
  let passedOver: string | undefined;

  async function poll(): Promise<void> {
    if (options.rebuilding() || !existsSync(files.next)) return;
    const definition = options.definition();
    const version = foldVersion(definition);
    const found = versionOf(files.next);
    if (found === version) {
      await cutOver(definition, version);
      return;
    }
    if (found !== passedOver)
      logger.info(
        { file: files.next, found, version },
        'a rebuilt projection has another fold version; it waits for the program or the settings of that version',
      );
    passedOver = found;
  }

  async function cutOver(definition: ProjectionDefinition<Tables>, version: string): Promise<void> {
    const started = performance.now();
    const { service } = definition;
    await options.before?.(definition, () => !poller.stopped);
    if (poller.stopped) return;
    // Rows alone: the state in memory follows the live file.
    const rebuild = await createRebuild({ ...options.rebuild, file: files.next, definition });
    let at: Checkpoint;
    let paused: number | undefined;
    try {
      at = await rebuild.to();
      if (poller.stopped) return;
      paused = performance.now();
      await options.pause();
      // The service never answers from an older position than before.
      if (at.seq < options.position()) at = await rebuild.to({ seq: options.position() });
    } catch (err) {
      logger.error({ reason: messageOf(err), service }, 'a rebuilt projection does not match this log; it is removed');
      rebuild.close();
      discardNext(files);
      if (paused !== undefined) await options.resume();
      options.onDiscarded();
      return;
    } finally {
      rebuild.close();
    }
    await options.replace(() => replaceLiveFile(files, version), definition);
    const ended = performance.now();
    logger.info(
      { service, seq: at.seq, seconds: (ended - started) / 1000, held_seconds: (ended - paused) / 1000 },
      'the service has cut over to a rebuilt projection',
    );
  }

  const poller = createPoller({
    everyMs: pollMs,
    run: poll,
    onError: (err) =>
      logger.error(
        { err, service: options.definition().service },
        'the service could not cut over to a rebuilt projection',
      ),
  });
  return { start: poller.start, poll: poller.poll, stop: poller.stop };
}
