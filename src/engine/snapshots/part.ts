/** Snapshots as a part of the engine: one after so many events, and after an erasure one that replaces all others. */
import { ENGINE, SNAPSHOTS } from '../../../streams.config.ts';
import { isOfLoss } from '../../bus/projection/lost-rows.ts';
import type { ServicePart } from '../../bus/service/description.ts';
import type { EngineContext } from '../engine-context.ts';
import { settingsOf } from '../settings/settings.ts';
import type { Sliced } from '../slices.ts';
import { createSnapshotScheduler, type SnapshotScheduler } from './scheduler.ts';
import { createSnapshots, type ModelImage, type Snapshots } from './snapshots.ts';

/** The snapshots of this engine's origin, and the pointer. */
export async function openSnapshots(context: EngineContext): Promise<Snapshots> {
  const { nc, publisher, logger, origin, config, metrics } = context;
  const snapshots = await createSnapshots({
    nc,
    publisher,
    logger,
    origin,
    settings: settingsOf(config),
    keep: config.engine.snapshots_kept,
    older: config.engine.snapshots_older,
    stallMs: config.engine.snapshot_stall_ms,
    onWritten: (seconds, bytes) => {
      metrics.snapshots.inc();
      metrics.snapshotSeconds.observe(seconds);
      metrics.snapshotBytes.set(bytes);
    },
  });
  await snapshots.load();
  return snapshots;
}

export interface SnapshotsPartOptions {
  snapshots: Snapshots;
  /** The model as it is now; its export may take several turns. */
  image: () => Promise<Sliced<ModelImage>>;
  /** Position of the model, and whether it is in a catch-up. */
  position: () => number;
  catchingUp: () => boolean;
  /** Whether the model is the state of a position that the rows have reached: not between two slices of an erasure. */
  settled: () => boolean;
  /** Whether this runtime began with the model of a rebuild. */
  rebuilt: { beside: boolean; remove: () => void } | undefined;
}

export interface SnapshotsPart extends ServicePart {
  /** Moves the pointer to an older snapshot, see {@link SnapshotScheduler.point}. */
  point: SnapshotScheduler['point'];
}

export function createSnapshotsPart(context: EngineContext, options: SnapshotsPartOptions): SnapshotsPart {
  const { config, store, loop, logger, first } = context;
  const { engine } = config;
  const { snapshots, image, position, catchingUp, settled, rebuilt } = options;
  const writes = engine.publish_rankings && first;
  const scheduler = createSnapshotScheduler({
    snapshots,
    image,
    seq: position,
    caughtUp: loop.caughtUp,
    ready: () => !catchingUp(),
    whole: settled,
    logger,
    events: engine.snapshot_events,
    intervalMs: engine.snapshot_interval_ms,
    stopMs: engine.snapshot_stop_ms,
  });

  /** A snapshot from before the newest erasure contains a forgotten user. */
  const replaceOlder = async (): Promise<void> => {
    const { fence } = store.checkpoint();
    if (!writes || fence === 0) return;
    if ((await snapshots.list()).some(({ seq }) => seq <= fence)) void scheduler.supersede();
  };

  /** Completes the cut-over to the model of a rebuild: the pointer moves to a snapshot of this model. */
  function adoptRebuilt({ beside, remove }: { beside: boolean; remove: () => void }): void {
    if (!writes || beside) remove();
    if (!writes) return;
    if (beside) scheduler.count(1);
    else
      scheduler
        .supersede()
        .then((done) => done && remove())
        .catch((err: unknown) => logger.warn({ err }, 'the image of the rebuilt model could not be removed'));
  }

  return {
    name: 'snapshots',
    // A new snapshot of the model as it is now. Earlier ones are gone; a replay can make them again.
    madeAgain: async (name) => {
      if (name !== ENGINE.name && name !== SNAPSHOTS.name) return;
      const before = snapshots.current();
      await snapshots.load();
      if (!writes || before === undefined) return;
      snapshots.distrust(before.object);
      scheduler.count(1);
    },
    point: scheduler.point,
    effects: [
      {
        name: 'snapshots',
        afterCommit: ({ events, catchUp }) => {
          scheduler.count(events.length);
          if (writes && !catchUp && events.some(({ type }) => type === 'control.erased.v1')) void scheduler.supersede();
        },
        derive: replaceOlder,
      },
    ],
    status: () => {
      const current = snapshots.current();
      return { model: { snapshot: current?.object ?? null, seq: current?.seq ?? null } };
    },
    start: () => {
      if (rebuilt) adoptRebuilt(rebuilt);
      if (writes) scheduler.start();
    },
    stop: scheduler.stop,
    stopped: async () => {
      if (writes && !isOfLoss(store.rebuildDue())) await scheduler.last();
    },
  };
}
