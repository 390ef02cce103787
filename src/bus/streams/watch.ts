/**
 * Watches that the streams, buckets and stores of a running service stay on the server. Nothing else would tell: a put
 * into a bucket that is gone fails much later, or for one user only. The service makes again what it can fill again. What
 * is lost with it stays missing, and the status of the service names it.
 */
import type { JetStreamManager, NatsConnection } from 'nats';
import type { Logger } from 'pino';
import type { Needer } from '../../../streams.config.ts';
import { isFreshetError, messageOf } from '../../errors.ts';
import { isNotFound } from '../nats/connection.ts';
import { onceMade } from '../nats/once-made.ts';
import { createPoller } from '../nats/poller.ts';
import { type MissingStream, missingStream, STORED, type Stored } from './missing.ts';
import { applyStreams } from './plan.ts';
import { wireStream } from './wire.ts';

export interface StreamsWatchOptions {
  nc: NatsConnection;
  needer: Needer;
  /** Milliseconds between two looks. */
  lookMs: number;
  logger: Pick<Logger, 'info' | 'warn' | 'error' | 'debug'>;
  /** Somebody has made it again, this service or another program, and it is empty. The watch tries again if this throws. */
  onMadeAgain: (name: string) => Promise<void> | void;
}

export interface StreamsWatch {
  /** What was missing at the last look. */
  missing(): readonly MissingStream[];
  start(): void;
  stop(): Promise<void>;
}

export function createStreamsWatch({ nc, needer, lookMs, logger, onMadeAgain }: StreamsWatchOptions): StreamsWatch {
  const needed = STORED.filter(({ neededBy }) => neededBy.includes(needer));
  const manager = onceMade(() => nc.jetstreamManager({ checkAPI: false }));
  /** Creation times at the last look. Another time: somebody deleted it and made it again. */
  const created = new Map<string, string>();
  /** Made again, and not filled yet. */
  const empty = new Set<string>();
  let missing: readonly MissingStream[] = [];

  async function look(): Promise<void> {
    const jsm = await manager();
    const gone: MissingStream[] = [];
    for (const definition of needed) {
      const found = (await createdAt(jsm, definition)) ?? (await makeAgain(jsm, definition));
      if (found === undefined) {
        if (!missing.some(({ name }) => name === definition.name)) {
          const { message, code, next } = missingStream(definition);
          logger.error({ kind: definition.kind, name: definition.name, code, next }, message);
        }
        gone.push(missingStream(definition));
        continue;
      }
      const before = created.get(definition.name);
      if (before !== undefined && before !== found) empty.add(definition.name);
      created.set(definition.name, found);
    }
    missing = [...gone, ...(await fillAll())];
  }

  /** Returns what the service could not fill. */
  async function fillAll(): Promise<MissingStream[]> {
    const unfilled: MissingStream[] = [];
    for (const definition of needed) {
      const { name, kind } = definition;
      if (!empty.has(name)) continue;
      try {
        await onMadeAgain(name);
        empty.delete(name);
        logger.info({ kind, name }, 'the service has written what belongs into this, which somebody had deleted');
      } catch (err) {
        const trouble = {
          ...missingStream(definition),
          ...(isFreshetError(err) ? { code: err.code, next: err.next ?? 'freshet status' } : {}),
          message: `The service could not write what belongs into ${name}, which somebody had deleted: ${messageOf(err)}`,
        };
        unfilled.push(trouble);
        if (!missing.some(({ message }) => message === trouble.message))
          logger.warn({ kind, name, code: trouble.code, next: trouble.next }, trouble.message);
      }
    }
    return unfilled;
  }

  async function makeAgain(jsm: JetStreamManager, definition: Stored): Promise<string | undefined> {
    const { kind, name, madeAgainBy } = definition;
    if (!madeAgainBy.includes(needer)) return undefined;
    logger.warn({ kind, name }, 'somebody has deleted this in JetStream; the service makes it again');
    await applyStreams(nc, { onlyMissing: true }, [definition]);
    return createdAt(jsm, definition);
  }

  const poller = createPoller({
    everyMs: lookMs,
    atStart: true,
    run: look,
    onError: (err) =>
      logger.debug({ reason: messageOf(err) }, 'the service could not find out whether its streams are there'),
  });
  return { missing: () => missing, start: poller.start, stop: poller.stop };
}

async function createdAt(jsm: JetStreamManager, definition: Stored): Promise<string | undefined> {
  try {
    return (await jsm.streams.info(wireStream(definition).name)).created;
  } catch (err) {
    if (isNotFound(err)) return undefined;
    throw err;
  }
}
