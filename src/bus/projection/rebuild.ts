/**
 * A second projection that the same loop folds from the log into a file of its own, beside the live one. After a crash it
 * goes on where it was. It begins again if the file has another fold version or comes from another log.
 */

import type { Logger } from 'pino';
import { FreshetError } from '../../errors.ts';
import type { EventCodec } from '../event/codec.ts';
import type { Log } from '../log/port.ts';
import { pollUntil } from '../nats/poll-until.ts';
import type { StateFollower } from './after-commit.ts';
import { type Bound, boundedLog } from './bounded.ts';
import { checkLog } from './checks.ts';
import { removeDatabase } from './database.ts';
import type { ProjectionDefinition } from './definition.ts';
import { stepTaken } from './file-steps.ts';
import { createProjectionLoop, type LoopLimits } from './loop.ts';
import { createLostRows, isOfLoss } from './lost-rows.ts';
import { type Checkpoint, openStore, type ProjectionStore } from './store.ts';

export interface RebuildOptions<Tables> {
  file: string;
  definition: ProjectionDefinition<Tables>;
  codec: EventCodec;
  log: Log;
  /** Name of the reader; not that of the live projection. */
  consumer: string;
  logger: Logger;
  limits?: Partial<LoopLimits>;
  cacheKib?: number;
  erasureKey?: Uint8Array;
  /** State in memory that follows the rows. */
  state?: (() => StateFollower | undefined) | undefined;
  /** Most events of erasures in one transaction, so that the rebuild may end while one is under way; left out: all. */
  eraseEvents?: number | undefined;
  /** Ignores the file of an earlier attempt. */
  fresh?: boolean;
}

export interface Rebuild {
  readonly store: ProjectionStore;
  /** Folds up to a bound (default: the end of the log now). Throws `RebuildRefusedError`. */
  to(bound?: Partial<Bound>, onProgress?: (done: number, total: number) => void): Promise<Checkpoint>;
  close(): void;
}

/** The projection does not come from this log, or the loop cannot fold the log. */
export class RebuildRefusedError extends FreshetError {
  readonly code: string;
  constructor({ code, message, next }: { code: string; message: string; next?: string | undefined }) {
    super(message, next === undefined ? {} : { next });
    this.code = code;
  }
}

const POLL_MS = 20;

export async function createRebuild<Tables>(options: RebuildOptions<Tables>): Promise<Rebuild> {
  const { file, definition, codec, log, consumer, logger, limits, cacheKib, erasureKey } = options;
  const { service } = definition;
  const open = (): ProjectionStore =>
    openStore({
      file,
      definition,
      codec,
      ...(cacheKib ? { cacheKib } : {}),
      ...(erasureKey ? { erasureKey } : {}),
      eraseEvents: options.eraseEvents,
    });
  if (options.fresh === true) removeDatabase(file);
  let store = open();
  if (store.checkpoint().seq > 0) {
    // The file of an earlier attempt is of use only if it comes from this log.
    const { refused } = await checkLog(log, {
      service,
      checkpoint: store.checkpoint(),
      fingerprints: store.fingerprints(),
      folded: (identity) => store.known([identity])[0] !== undefined,
      holds: createLostRows(store.db),
    });
    if (refused || isOfLoss(store.rebuildDue())) {
      const code = refused?.code ?? 'FRESHET_LOSS_ACCEPTED';
      logger.warn({ service, code }, 'an earlier rebuild read another log; the rebuild begins again');
      store.close();
      removeDatabase(file);
      store = open();
    }
  }

  // An attempt that was cut off may have left one.
  if (options.eraseEvents === undefined) while (store.erasing()) store.eraseSlice();

  async function to(bound: Partial<Bound> = {}, onProgress?: (done: number, total: number) => void) {
    const { lastSeq, firstSeq } = await log.info();
    const seq = Math.min(bound.seq ?? lastSeq, lastSeq);
    const from = store.checkpoint().seq;
    if (from >= seq || firstSeq > lastSeq) return store.checkpoint();
    const bounded = boundedLog(log, { seq, timestamp: bound.timestamp }, from);
    const loop = createProjectionLoop({
      service,
      log: bounded,
      store,
      consumer,
      logger,
      ...(limits ? { limits } : {}),
      observer: { batch: () => stepTaken('rebuild-under-way') },
      followers: {
        get state() {
          return options.state?.();
        },
      },
    });
    loop.start();
    try {
      await pollUntil(POLL_MS, () => {
        const end = bounded.finished();
        const { seq: reached } = store.checkpoint();
        onProgress?.(reached - from, seq - from);
        if (end !== undefined && reached >= end) return true;
        const { state, trouble } = loop.status();
        if (trouble && (state === 'refusing' || isPermanent(trouble.code))) throw new RebuildRefusedError(trouble);
        return undefined;
      });
    } finally {
      await loop.stop();
    }
    return store.checkpoint();
  }

  return {
    get store() {
      return store;
    },
    to,
    close: () => store.close(),
  };
}

/** Whether a retry cannot help while a caller waits. */
const isPermanent = (code: string): boolean =>
  /^SQLITE_(FULL|READONLY|CORRUPT|NOTADB)/.test(code) || code === 'FRESHET_STATE_FOLLOWER_FAILED';
