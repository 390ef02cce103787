/**
 * How a running service takes over a rebuilt projection: it folds what has come meanwhile into it while the live one
 * goes on answering and learning, then holds requests for the moment in which the files change places.
 */
import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { messageOf } from '../../errors.ts';
import { foldVersion, type ProjectionDefinition } from '../projection/definition.ts';
import { discardNext, type ProjectionFiles, replaceLiveFile, versionOf } from '../projection/files.ts';
import { createRebuild, type RebuildOptions } from '../projection/rebuild.ts';
import type { Checkpoint } from '../projection/store.ts';

export interface CutOverOptions<Tables> {
  files: ProjectionFiles;
  /** What a projection has to be made by to be taken over: that of now. */
  definition: () => ProjectionDefinition<Tables>;
  rebuild: Omit<RebuildOptions<Tables>, 'file' | 'definition'>;
  logger: Logger;
  lookMs: number;
  /** Position of the live projection. */
  position: () => number;
  /** Stops the live projection's loop, and holds requests. */
  pause: () => Promise<void>;
  /** Goes on with it: the rebuilt one was not taken. */
  resume: () => Promise<void>;
  /** Closes the live projection, lets `swap` put the other file in its place, and begins again. */
  replace: (swap: () => void, definition: ProjectionDefinition<Tables>) => Promise<void>;
}

export interface CutOver {
  start(): void;
  /** Waits for one that is going on. */
  stop(): Promise<void>;
}

export function createCutOver<Tables>(options: CutOverOptions<Tables>): CutOver {
  const { files, logger, lookMs } = options;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let going: Promise<void> | undefined;
  let passedOver: string | undefined;

  function look(): void {
    if (going || stopped || !existsSync(files.next)) return;
    const definition = options.definition();
    const { service } = definition;
    const version = foldVersion(definition);
    const found = versionOf(files.next);
    if (found !== version) {
      // For the program or the settings that it was made for, when they are started.
      if (found !== passedOver)
        logger.info(
          { file: files.next, found, version },
          'a rebuilt projection has another fold version; it waits for the program or the settings of that version',
        );
      passedOver = found;
      return;
    }
    going = takeOver(definition, version)
      .catch((err: unknown) => logger.error({ err, service }, 'the service could not cut over to a rebuilt projection'))
      .finally(() => {
        going = undefined;
      });
  }

  async function takeOver(definition: ProjectionDefinition<Tables>, version: string): Promise<void> {
    const started = performance.now();
    const { service } = definition;
    // Rows alone: state in memory follows the file that answers, which this one is not yet.
    const rebuild = await createRebuild({ ...options.rebuild, file: files.next, definition });
    let at: Checkpoint;
    let paused = false;
    try {
      at = await rebuild.to();
      if (stopped) return;
      await options.pause();
      paused = true;
      // Never back behind what has been answered from.
      if (at.seq < options.position()) at = await rebuild.to({ seq: options.position() });
    } catch (err) {
      logger.error({ reason: messageOf(err), service }, 'a rebuilt projection does not match this log; it is removed');
      rebuild.close();
      discardNext(files);
      if (paused) await options.resume();
      return;
    } finally {
      rebuild.close();
    }
    await options.replace(() => replaceLiveFile(files, version), definition);
    logger.info(
      { service, seq: at.seq, seconds: (performance.now() - started) / 1000 },
      'the service has cut over to a rebuilt projection',
    );
  }

  return {
    start: () => {
      timer = setInterval(look, lookMs);
      timer.unref();
    },
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await going;
    },
  };
}
