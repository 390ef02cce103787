/** Projections that a verb folds next to a running system: the rows of each service, and the engine's model. */
import type { NatsConnection } from 'nats';
import pino, { type Logger } from 'pino';
import { acceptedLosses } from '../bus/log/losses.ts';
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

/** Where a rebuild finds what the log does not hold. */
export interface RebuiltFrom {
  /** File of the live projection. */
  live?: string;
  nc?: NatsConnection;
  log?: Log;
  logger?: Logger;
  /** The engine's model starts from the nearest snapshot up to this sequence, and not from the start of the log. */
  snapshotUpTo?: number;
  /** If no snapshot fits, the model starts from the start of the log. Without this it is an error. */
  snapshotOptional?: boolean;
  /** The engine uses the settings in force at this sequence. Default: the head of the log. */
  inForceAt?: number | undefined;
}

const SILENT = pino({ level: 'silent' });

export interface Rebuildable {
  definition: ProjectionDefinition<unknown>;
  /** State in memory that the projection folds next to the rows, once it is open. */
  state?: () => StateFollower | undefined;
  /** The model, which is in memory and not in rows. A rebuild cannot resume it from rows, so it starts at the start. */
  modelFold?: {
    hash(): ModelHash;
    model(): Model;
    /** Writes the model to a file, for the service that cuts over to the rows. With `beside`, snapshots stay as they are. */
    write(file: string, store: ProjectionStore, beside: boolean): void;
  };
  /** The snapshot that the model started from, if the caller requested one. */
  snapshot?: string;
  /** The sequence that the model started from, once the projection is open. 0 is the start of the log. */
  began?(): number;
  close?(): void;
}

/** Imports a service only when a verb needs it. */
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
  const { isLost, withoutLost } = await import('../engine/artifacts/lost-inputs.ts');
  let live = file === undefined ? undefined : openRecords(file);
  if (live && log && live.created !== (await log.info()).created) {
    live.close();
    live = undefined;
  }
  const losses = log ? await acceptedLosses(log) : [];
  const kept = live?.list().filter((mention) => !isLost(losses, mention)) ?? [];
  const known = kept.flatMap((mention) => live?.read(mention) ?? []);
  // Without the file, the copies in the object store serve.
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
  const { definition, state, modelFold, inputs, began } = engineRebuild(config, erasureKey, {
    known,
    live: live && withoutLost(live, losses),
    start,
    beside: { logger },
  });
  const opened = () => {
    const found = modelFold();
    if (!found) throw new TypeError('The projection is not open yet.');
    return found;
  };
  return {
    ...erase(definition),
    state,
    modelFold: {
      hash: () => hashModel(opened().model, opened().position()),
      model: () => opened().model,
      write: (file, { version, checkpoint }, beside) =>
        writeImage(file, opened(), originOf(config, version, checkpoint().created), { inputs: inputs(), beside }),
    },
    ...(start?.manifest ? { snapshot: start.manifest.object } : {}),
    began,
    close: () => {
      modelFold()?.close();
      live?.close();
    },
  };
}

/** The newest readable snapshot of this engine up to a sequence. Throws `SnapshotUnfitError` if no snapshot fits. */
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
  const skipped: string[] = [];
  const restored = await nearestModel({
    config,
    nc,
    log,
    logger,
    origin,
    upTo,
    inputs: (seq) => digestOf([...known].sort(inOrder).filter(({ from_seq }) => from_seq <= seq)),
    onSkipped: (object, reason) => void skipped.push(`${object}: ${reason}`),
  });
  if (restored.manifest) return restored;
  throw new SnapshotUnfitError(
    skipped.length === 0
      ? `The engine has no snapshot up to sequence ${upTo}.`
      : `No snapshot up to sequence ${upTo} fits: ${skipped.join('; ')}.`,
    {
      next: 'freshet replay engine, or freshet verify engine, without --from-snapshot: the command then folds the model from the start of the log',
      details: { upTo, passedOver: skipped },
    },
  );
}

/** Safe, because the loop passes a definition only the tables that the definition created. */
const erase = <Tables>(definition: ProjectionDefinition<Tables>): Rebuildable => ({
  definition: definition as ProjectionDefinition<unknown>,
});
