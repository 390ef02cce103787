/**
 * The engine as of a position: the model of the nearest snapshot at or before it, and the log from there on, with rows
 * that may be ahead. It uses the fold of the live engine, so it computes the same lists, bit for bit.
 */
import type { NatsConnection } from 'nats';
import pino from 'pino';
import type { EventCodec } from '../../bus/event/codec.ts';
import { type StreamSeq, streamSeq } from '../../bus/event/ids.ts';
import type { Log } from '../../bus/log/port.ts';
import type { Endpoint } from '../../bus/nats/micro.ts';
import { checkLog } from '../../bus/projection/checks.ts';
import type { LoopLimits } from '../../bus/projection/loop.ts';
import { createLostRows } from '../../bus/projection/lost-rows.ts';
import { readRange } from '../../bus/projection/range.ts';
import { openReader, type RowsReader } from '../../bus/projection/reading.ts';
import { createRebuild } from '../../bus/projection/rebuild.ts';
import type { Config } from '../../config/schema.ts';
import { createAttributeNames } from '../../items/attribute-names.ts';
import { createInputObjects } from '../artifacts/objects.ts';
import { createRecords } from '../artifacts/records.ts';
import { createModelFold, type ModelFold } from '../fold/model-fold.ts';
import { type EngineTables, engineProjection, prepareTables } from '../fold/projection.ts';
import { rowsBeside } from '../fold/rows-beside.ts';
import type { Model } from '../model/mod.ts';
import { configuredLists } from '../serve/configured-lists.ts';
import { engineEndpoints } from '../serve/endpoints.ts';
import { createLists } from '../serve/lists.ts';
import { createWhy } from '../serve/why.ts';
import { explainEndpoint } from '../serve/why-endpoint.ts';
import { originOf } from '../settings/settings.ts';
import { nearestModel } from '../snapshots/nearest.ts';
import { engineRebuild } from './rebuild.ts';

export interface PastOptions {
  config: Config;
  nc: NatsConnection;
  log: Log;
  codec: EventCodec;
  erasureKey: Uint8Array;
  /** The position, and when the log took its event. */
  seq: StreamSeq;
  taken: number;
  /** The engine's rows, if there are any on this machine. */
  file: string;
  /** A file for rows of its own, if it cannot use those of the engine. */
  scratch: string;
  consumer: string;
  limits?: Partial<LoopLimits>;
  onProgress?: (done: number, total: number) => void;
  /** A note for the caller: the engine skipped a snapshot. */
  onNote?: (note: string) => void;
}

export interface PastEngine {
  model: Model;
  endpoints: Record<string, Endpoint>;
  /** The user that owned an id at the position. */
  resolve(user: string): string;
  /** Snapshot that the model comes from; null: from the log alone. */
  snapshot: string | null;
  close(): void;
}

const SILENT = pino({ level: 'silent' });

export async function openPast(options: PastOptions): Promise<PastEngine> {
  const { config, seq, taken } = options;
  const { modelFold, tables, snapshot, close } = (await beside(options)) ?? (await fromTheLog(options));
  const resolve = (user: string): string => tables.linkHistory.ownerAt(user, seq);
  const shown = {
    model: modelFold.model,
    seq: () => seq,
    snapshot: () => snapshot ?? 'none',
    rows: rowsBeside(tables),
    ...configuredLists(config, () => taken),
  };
  const lists = createLists({ ...shown, capacity: 1 });
  return {
    model: modelFold.model,
    endpoints: {
      ...engineEndpoints(lists, resolve, config, {
        attributes: createAttributeNames(shown.rows),
        model: shown.model,
        now: () => taken,
      }),
      explain: explainEndpoint(createWhy(shown), resolve, config, { now: () => taken }),
    },
    resolve,
    snapshot,
    close,
  };
}

interface Folded {
  modelFold: ModelFold;
  tables: EngineTables;
  snapshot: string | null;
  close(): void;
}

/** Uses the rows of the engine on this machine; undefined if that is not possible. */
async function beside(options: PastOptions): Promise<Folded | undefined> {
  const { config, log, codec, erasureKey, seq, file } = options;
  const definition = engineProjection({ config });
  const rows = openReader(file, definition, codec);
  if (!rows) return undefined;
  try {
    const checkpoint = rows.checkpoint();
    const { refused } = await checkLog(log, {
      service: 'engine',
      checkpoint,
      fingerprints: rows.fingerprints(),
      holds: createLostRows(rows.db),
    });
    if (refused || checkpoint.seq < seq || rows.holdsLost()) {
      rows.close();
      return undefined;
    }
    const tables = prepareTables(rows.db);
    const records = createRecords(rows.db);
    const restored = await nearest(options, rows, records.digest);
    const modelFold = createModelFold({
      config,
      tables,
      model: restored.model,
      seq: streamSeq(restored.seq),
      inputs: records,
      erasureKey,
    });
    await read(options, rows, modelFold);
    return { modelFold, tables, snapshot: restored.manifest?.object ?? null, close: rows.close };
  } catch (err) {
    rows.close();
    throw err;
  }
}

function nearest({ config, nc, log, seq, onNote }: PastOptions, rows: RowsReader, inputs: (seq: number) => string) {
  const origin = originOf(config, rows.version, rows.checkpoint().created);
  const note = (
    fields: { object?: string; seq?: number; reason?: string; checkpoint?: number },
    text: string,
  ): void => {
    // A snapshot newer than the position does not concern the caller.
    if (fields.checkpoint !== undefined || (fields.seq ?? 0) > seq) return;
    onNote?.(`${text}: ${fields.object ?? ''} at ${fields.seq ?? '?'}${fields.reason ? `, ${fields.reason}` : ''}`);
  };
  const logger = { info: note, warn: note } as unknown as typeof SILENT;
  return nearestModel({ config, nc, log, logger, origin, upTo: seq, inputs });
}

/** Reads the log up to the position, for the model alone. */
async function read(options: PastOptions, rows: RowsReader, modelFold: ModelFold): Promise<void> {
  const { log, seq, consumer, limits, onProgress } = options;
  const from = modelFold.position();
  await readRange({
    log,
    service: 'engine',
    consumer,
    from,
    to: seq,
    fence: rows.checkpoint().fence,
    limits,
    onBatch: (batch) => {
      modelFold.fold(rows.applied(batch), (batch.at(-1) as { seq: StreamSeq }).seq);
      onProgress?.(modelFold.position() - from, seq - from);
    },
  });
  // The log has no message at an erased position, and an input may count from there.
  if (modelFold.position() < seq) modelFold.fold([], seq);
}

/** Folds rows and model from the beginning of the log, if no rows are usable. */
async function fromTheLog(options: PastOptions): Promise<Folded> {
  const { config, nc, log, codec, erasureKey, seq, scratch, consumer, limits, onProgress } = options;
  const objects = await createInputObjects({ nc, log, logger: SILENT, stallMs: config.engine.snapshot_stall_ms });
  const known = await objects.readAll();
  const { definition, state, modelFold } = engineRebuild(config, erasureKey, { known });
  const rebuild = await createRebuild({
    file: scratch,
    definition,
    state,
    codec,
    log,
    consumer,
    logger: SILENT,
    ...(limits ? { limits } : {}),
    cacheKib: config.projection.cache_kib,
    erasureKey,
    fresh: true,
  });
  try {
    await rebuild.to({ seq }, onProgress);
    const folded = modelFold() as ModelFold;
    if (folded.position() < seq) folded.fold([], seq);
    return {
      modelFold: folded,
      tables: prepareTables(rebuild.store.db),
      snapshot: null,
      close: rebuild.close,
    };
  } catch (err) {
    rebuild.close();
    throw err;
  }
}
