/** A service as it was at a sequence of the log. This process folds the state, and deletes it at the end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pino from 'pino';
import { createCodec } from '../bus/event/codec.ts';
import { findPosition, type Position } from '../bus/log/position.ts';
import type { Endpoint } from '../bus/nats/micro.ts';
import { createPublisher } from '../bus/nats/publisher.ts';
import type { ProjectionDefinition } from '../bus/projection/definition.ts';
import { projectionFiles } from '../bus/projection/files.ts';
import { type LossView, lossesUpTo } from '../bus/projection/log-gaps.ts';
import { createRebuild } from '../bus/projection/rebuild.ts';
import { createServiceLog } from '../bus/service/log.ts';
import { loopLimits } from '../bus/service/runtime.ts';
import { erasureKey } from '../bus/streams/erasure-key.ts';
import { configInForce } from '../engine/lifecycle/activations.ts';
import type { PastEngine } from '../engine/lifecycle/past.ts';
import { count, note, printJson } from './output.ts';
import { createProgress } from './progress.ts';
import type { CliSession, CommonOptions } from './session.ts';

export interface PastOptions extends CommonOptions {
  seq?: number;
  time?: number;
}

export interface Past extends Position {
  endpoints: Record<string, Endpoint>;
  /** Accepted losses of messages up to there: the state is a fold without them. */
  losses: LossView[];
  /** For the engine only. */
  engine?: PastEngine;
}

/** Folds the state, passes it to `work`, then deletes it. Throws `PositionUnknownError`. */
export async function withPast<T>(
  service: 'user' | 'content' | 'engine',
  { nc, config }: CliSession,
  options: PastOptions,
  work: (past: Past) => Promise<T>,
): Promise<T> {
  const publisher = createPublisher(nc);
  const log = await createServiceLog({ nc, publisher, config, service });
  const consumer = `${service}-at-${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), 'freshet-at-'));
  const progress = createProgress(`folding the log for the ${service} service`, 'messages', options.json);
  const parent = openParent();
  const onProgress = (done: number, total: number): void => {
    progress.update(done, total);
    parent?.progress(done, total);
  };
  let close: (() => void) | undefined;
  try {
    const position = await findPosition(nc, log, options);
    const losses = await lossesUpTo(log, position.seq);
    const key = await erasureKey(nc);
    const codec = createCodec({ declared: config.events.declared, maxEventBytes: config.events.max_bytes });
    const scratch = join(folder, `${service}.sqlite`);
    const common = { log, codec, consumer, limits: loopLimits(config), erasureKey: key };
    if (service === 'engine') {
      const { openPast } = await import('../engine/lifecycle/past.ts');
      const engine = await openPast({
        ...common,
        config: await configInForce(config, nc, position.seq),
        nc,
        ...position,
        file: projectionFiles(resolve(options.data), service).live,
        scratch,
        onProgress,
        onNote: (text) => {
          if (!options.json) note(text);
        },
      });
      close = engine.close;
      progress.end();
      return await work({ ...position, losses, endpoints: engine.endpoints, engine });
    }
    const rebuild = await createRebuild<unknown>({
      ...common,
      definition: (await definitionOf(service, config)) as ProjectionDefinition<unknown>,
      file: scratch,
      logger: pino({ level: 'silent' }),
      cacheKib: config.projection.cache_kib,
    });
    close = rebuild.close;
    await rebuild.to({ seq: position.seq }, onProgress);
    progress.end();
    const { db } = rebuild.store;
    const endpoints =
      service === 'user'
        ? (await import('../user/api.ts')).userEndpoints(db, config)
        : (await import('../content/api.ts')).contentEndpoints(db, config);
    return await work({ ...position, losses, endpoints });
  } finally {
    progress.end();
    close?.();
    await publisher.close();
    await (await nc.jetstreamManager({ checkAPI: false })).consumers.delete('EVENTS', consumer).catch(() => false);
    rmSync(folder, { recursive: true, force: true });
    parent?.end();
  }
}

/**
 * The process that started this one with a channel, as the gateway does: it gets the progress, `{ done, total }` in
 * messages of the log, and cancels the work by closing the channel. Undefined without a channel.
 */
function openParent(): { progress(done: number, total: number): void; end(): void } | undefined {
  if (!process.send) return undefined;
  // Somebody must listen, or the channel would not notice its end.
  process.on('disconnect', () => undefined);
  return {
    progress: (done, total) => {
      if (!process.connected) throw new Error('The parent process has cancelled the work.');
      process.send?.({ done, total }, () => undefined);
    },
    end: () => {
      // An open channel would keep the process alive.
      if (process.connected) process.disconnect();
    },
  };
}

async function definitionOf(service: 'user' | 'content', config: CliSession['config']) {
  return service === 'user'
    ? (await import('../user/projection.ts')).userProjection(config)
    : (await import('../content/projection.ts')).contentProjection();
}

/** An answer as JSON, with the accepted losses of the log up to there if it has any. */
export const printPast = ({ losses }: Past, answer: object): void =>
  printJson(losses.length > 0 ? { ...answer, accepted_losses: losses } : answer);

/** A line that names the moment of an answer. */
export const momentText = ({ seq, taken }: Position): string =>
  `as of sequence ${count(seq)}, which the log stored at ${new Date(taken).toISOString()}`;
