/**
 * Recorded inputs as a part of the engine: training, copies in the object store, and renewal after an erasure. The first
 * instance trains; the other instances read its inputs from the object store.
 */
import { SNAPSHOTS } from '../../../streams.config.ts';
import { acceptedLosses } from '../../bus/log/losses.ts';
import { LOSS_ACCEPTED } from '../../bus/projection/lost-rows.ts';
import type { ServicePart } from '../../bus/service/description.ts';
import type { EngineContext } from '../engine-context.ts';
import type { Model } from '../model/mod.ts';
import { scheduleOf, trainedKinds, trainerOptionsOf } from '../train/settings.ts';
import { createTrainer } from '../train/trainer.ts';
import { createCopies } from './copies.ts';
import { createFollower } from './follower.ts';
import { isLost, removeLost } from './lost-inputs.ts';
import { createInputObjects, gatherRecords, type InputObjects } from './objects.ts';
import { createRecords, type InputMention, type InputRecords, type RecordedInput } from './records.ts';
import { createRenewal } from './renewal.ts';
import { createTrainings, type Stops } from './trainings.ts';

/** The value of `backend` in status while no input from TensorFlow is in force. */
const PLAIN = 'typed-arrays';

/** The records in the engine's file, reconciled with their copies in the object store. */
export interface GatheredInputs {
  records: InputRecords;
  objects: InputObjects;
  /** Records without a copy. */
  uncopied: readonly InputMention[];
}

export async function gatherInputs({ nc, log, logger, store, config, first }: EngineContext): Promise<GatheredInputs> {
  const records = createRecords(store.db, { exclusive: true });
  const objects = await createInputObjects({ nc, log, logger, stallMs: config.engine.snapshot_stall_ms });
  const lost = await removeLost(await acceptedLosses(log), records, objects);
  if (lost > 0) logger.info({ records: lost }, 'the engine removed inputs that were trained on lost messages');
  const uncopied = await gatherRecords({ records, objects, checkpoint: store.checkpoint().seq, follows: !first });
  return { records, objects, uncopied };
}

export interface ArtifactsPartOptions extends GatheredInputs {
  model: Model;
  /** Position of the model, and whether it is in a catch-up. */
  position: () => number;
  catchingUp: () => boolean;
}

export interface ArtifactsPart extends ServicePart {
  /** Positions at which the fold stops for a training. */
  stops: Stops;
  /** The backend that trained the newest input in force. */
  backend(): string;
  /** Tells the part that the engine recorded an input, which needs a copy. */
  recorded(input: RecordedInput): void;
}

export function createArtifactsPart(context: EngineContext, options: ArtifactsPartOptions): ArtifactsPart {
  const { config, store, log, logger, metrics, first, rows } = context;
  const { model, records, objects, uncopied, position, catchingUp } = options;
  const pollMs = config.engine.training_follow_ms;
  if (config.engine.training_towers)
    logger.warn(
      { setting: 'engine.training_towers' },
      'the setting is no longer used: the engine does not train two towers; remove it',
    );
  const copies = createCopies({ records, objects, uncopied, logger, pollMs });
  const follower = createFollower({ records, objects, next: () => store.checkpoint().seq + 1, logger, pollMs });
  const trainings = createTrainings({
    kinds: trainedKinds(config),
    schedule: scheduleOf(config),
    trainer: createTrainer({
      logger: { info: logger.info.bind(logger), warn: () => {} },
      ...trainerOptionsOf(config),
    }),
    model,
    records,
    position,
    rows,
    catchingUp,
    logger,
    onRecorded: (input) => {
      metrics.trained.inc({ kind: input.kind });
      metrics.trainingSeconds.observe(input.seconds);
      copies.add(input);
    },
    onFailed: (kind) => metrics.trainingsFailed.inc({ kind }),
  });
  const renewal = createRenewal({
    db: store.db,
    records,
    trainings,
    objects,
    follows: !first,
    needRebuild: store.needRebuild,
    logger,
    pollMs,
  });
  /** The model uses inputs that a rebuild leaves out, even if no row holds a lost message. */
  async function rebuildWithoutLost(): Promise<void> {
    const losses = await acceptedLosses(log);
    if (store.db.open && records.list().some((mention) => isLost(losses, mention))) store.needRebuild(LOSS_ACCEPTED);
  }
  let trainedBy = PLAIN;
  /** The last known value during a cut-over, when this file is closed. */
  const backend = (): string => {
    if (!store.db.open) return trainedBy;
    const used = new Set(model.inputs().map(({ sha256 }) => sha256));
    trainedBy = records.list().findLast(({ sha256 }) => used.has(sha256))?.backend ?? PLAIN;
    return trainedBy;
  };
  return {
    name: 'recorded inputs',
    madeAgain: (name) => {
      if (name !== SNAPSHOTS.name || !first) return;
      for (const mention of records.list()) copies.add(mention);
    },
    backend,
    recorded: copies.add,
    stops: {
      next: (after) => (first ? trainings.next(after) : Number.POSITIVE_INFINITY),
      reached: trainings.reached,
    },
    holdsRebuild: renewal.due,
    effects: [
      {
        name: 'trainings',
        // A training that was due during the catch-up begins after it.
        // One that was due during an erasure begins after a later commit.
        afterCommit: () => trainings.poll(),
        derive: () => (first ? trainings.poll() : undefined),
      },
      {
        name: 'renewal of recorded inputs',
        afterCommit: ({ events, catchUp }) => {
          if (!catchUp && events.some(({ type }) => type === 'control.erased.v1')) renewal.poll();
        },
        derive: renewal.poll,
      },
      {
        name: 'inputs of lost messages',
        afterCommit: ({ events }) =>
          events.some(({ type }) => type === 'control.loss_accepted.v1') ? rebuildWithoutLost() : undefined,
        derive: () => {},
      },
    ],
    status: () => ({
      model: {
        backend: backend(),
        inputs: model.inputs().map(({ kind, sha256, bytes, quality, challenged }) => ({
          kind,
          sha256: sha256 ?? null,
          bytes,
          quality: quality ?? null,
          challenged,
        })),
        training: first ? trainings.status() : null,
      },
      training_due: renewal.due(),
    }),
    refreshMetrics: () => {
      for (const { kind, sha256 } of model.inputs()) metrics.inputs.set({ kind }, sha256 === undefined ? 0 : 1);
    },
    start: () => {
      (first ? copies : follower).start();
      renewal.start();
    },
    stop: async () => {
      await trainings.stop();
      await renewal.stop();
      await copies.stop();
      await follower.stop();
    },
  };
}
