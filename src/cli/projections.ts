/** Projections as verbs fold them beside a system that runs: what each service writes, and what it keeps in memory. */
import type { NatsConnection } from 'nats';
import pino, { type Logger } from 'pino';
import type { Log } from '../bus/log/port.ts';
import type { StateFollower } from '../bus/projection/after-commit.ts';
import { foldVersion, type ProjectionDefinition, type ServiceName } from '../bus/projection/definition.ts';
import type { ProjectionStore } from '../bus/projection/store.ts';
import type { Config } from '../config/schema.ts';
import type { RecordedInput } from '../engine/artifacts/records.ts';
import { configInForce } from '../engine/lifecycle/activations.ts';
import type { ModelHash } from '../engine/lifecycle/rebuild.ts';
import type { Model } from '../engine/model/mod.ts';
import { SnapshotUnfitError } from '../errors.ts';

/** Where a rebuild finds what the log doesn't say. */
export interface RebuiltFrom {
  /** File of the live instance. */
  live?: string;
  nc?: NatsConnection;
  log?: Log;
  logger?: Logger;
  /** The engine's model begins at the nearest snapshot up to this position instead of at the log's beginning. */
  snapshotUpTo?: number;
  /** Where none fits, it begins at the log's beginning all the same. */
  snapshotOptional?: boolean;
  /** Settings of the engine are those that were in force at this position; left out: at the head of the log. */
  inForceAt?: number | undefined;
}

const SILENT = pino({ level: 'silent' });

export interface Rebuildable {
  definition: ProjectionDefinition<unknown>;
  /** State in memory that is folded beside the rows, once the projection is open. */
  state?: () => StateFollower | undefined;
  /** What is in memory beside the rows; it can't go on from rows alone, so that a rebuild begins at the beginning. */
  memory?: {
    hash(): ModelHash;
    model(): Model;
    /** Writes it to a file, for the service that takes the rows over; `beside`: snapshots stay as they are. */
    write(file: string, store: ProjectionStore, beside: boolean): void;
  };
  /** Snapshot that the model began at, where that was asked for. */
  snapshot?: string;
  /** Position that the model began at, once the projection is open; 0: the log's beginning. */
  began?(): number;
  close?(): void;
}

/** Each verb loads the services that it is asked for. */
export async function rebuildable(
  service: ServiceName,
  config: Config,
  erasureKey: Uint8Array,
  from: RebuiltFrom = {},
): Promise<Rebuildable> {
  switch (service) {
    case 'user':
      return erase((await import('../user/projection.ts')).userProjection(config));
    case 'content':
      return erase((await import('../content/projection.ts')).contentProjection());
    case 'feedback':
      return erase((await import('../feedback/projection.ts')).feedbackProjection(config));
    case 'engine':
      return engine(from.nc ? await configInForce(config, from.nc, from.inForceAt) : config, erasureKey, from);
  }
}

async function engine(
  config: Config,
  erasureKey: Uint8Array,
  { live: file, nc, log, logger = SILENT, snapshotUpTo, snapshotOptional = false }: RebuiltFrom,
): Promise<Rebuildable> {
  const { engineRebuild, hashModel, writeImage } = await import('../engine/lifecycle/rebuild.ts');
  const { originOf } = await import('../engine/settings/settings.ts');
  const { openRecords } = await import('../engine/artifacts/records.ts');
  const { createInputObjects } = await import('../engine/artifacts/objects.ts');
  let live = file === undefined ? undefined : openRecords(file);
  if (live && log && live.created !== (await log.info()).created) {
    live.close();
    live = undefined;
  }
  const known = live?.list().flatMap((mention) => live.read(mention) ?? []) ?? [];
  // Without the file, the copies count.
  if (!live && nc && log) {
    const objects = await createInputObjects({ nc, log, logger, stallMs: config.engine.snapshot_stall_ms });
    known.push(...(await objects.readAll()));
  }
  const start =
    snapshotUpTo === undefined || !nc || !log
      ? undefined
      : await nearest(config, { nc, log, logger, known }, snapshotUpTo).catch((err: unknown) => {
          if (snapshotOptional && err instanceof SnapshotUnfitError) return undefined;
          throw err;
        });
  const { definition, state, memory, inputs, began } = engineRebuild(config, erasureKey, { known, live, start });
  const held = () => {
    const found = memory();
    if (!found) throw new TypeError('the projection is not open yet');
    return found;
  };
  return {
    ...erase(definition),
    state,
    memory: {
      hash: () => hashModel(held().model, held().position()),
      model: () => held().model,
      write: (file, { version, checkpoint }, beside) =>
        writeImage(file, held(), originOf(config, version, checkpoint().created), { inputs: inputs(), beside }),
    },
    ...(start?.manifest ? { snapshot: start.manifest.object } : {}),
    began,
    close: () => live?.close(),
  };
}

/** The newest good snapshot of this engine up to a position. Throws `SnapshotUnfitError` where there is none. */
async function nearest(
  config: Config,
  { nc, log, logger, known }: { nc: NatsConnection; log: Log; logger: Logger; known: readonly RecordedInput[] },
  upTo: number,
) {
  const { digestOf, inOrder } = await import('../engine/artifacts/records.ts');
  const { engineProjection } = await import('../engine/fold/projection.ts');
  const { nearestModel } = await import('../engine/snapshots/nearest.ts');
  const { originOf } = await import('../engine/settings/settings.ts');
  const version = foldVersion(engineProjection({ config }));
  const origin = originOf(config, version, (await log.info()).created);
  const passedOver: string[] = [];
  const restored = await nearestModel({
    config,
    nc,
    log,
    logger,
    origin,
    upTo,
    inputs: (seq) => digestOf([...known].sort(inOrder).filter(({ from_seq }) => from_seq <= seq)),
    onPassedOver: (object, reason) => void passedOver.push(`${object}: ${reason}`),
  });
  if (restored.manifest) return restored;
  throw new SnapshotUnfitError(
    passedOver.length === 0
      ? `There is no snapshot of the engine's model up to sequence ${upTo}.`
      : `No snapshot fits up to sequence ${upTo}: ${passedOver.join('; ')}.`,
    {
      next: 'freshet replay engine, or freshet verify engine, which fold the model from the beginning',
      details: { upTo, passedOver },
    },
  );
}

/** The loop hands a definition nothing but the tables that it made itself. */
const erase = <Tables>(definition: ProjectionDefinition<Tables>): Rebuildable => ({
  definition: definition as ProjectionDefinition<unknown>,
});
