/**
 * A shadow: a second engine that folds the same log under other settings, beside the settings in force, and ranks the
 * same events with both before it learns them (decision 0022). Only callers that request lists of the shadow get them.
 */
import type { LoggedEvent } from '../../../bus/event/codec.ts';
import { streamSeq } from '../../../bus/event/ids.ts';
import type { Endpoint } from '../../../bus/nats/micro.ts';
import { createPoller } from '../../../bus/nats/poller.ts';
import type {
  RunningService,
  ServiceContext,
  ServiceEnvironment,
  ServiceParts,
} from '../../../bus/service/description.ts';
import { runService } from '../../../bus/service/service.ts';
import type { Config } from '../../../config/schema.ts';
import { NotCaughtUpError } from '../../../errors.ts';
import { createAttributeNames } from '../../../items/attribute-names.ts';
import { createLogger } from '../../../observability/log.ts';
import { createFollower } from '../../artifacts/follower.ts';
import { createInputObjects, gatherRecords } from '../../artifacts/objects.ts';
import { createRecords } from '../../artifacts/records.ts';
import { createModelFold, type ModelFold } from '../../fold/model-fold.ts';
import { engineProjection, prepareTables } from '../../fold/projection.ts';
import { rowsBeside } from '../../fold/rows-beside.ts';
import { configuredLists } from '../../serve/configured-lists.ts';
import { engineEndpoints } from '../../serve/endpoints.ts';
import { createLists } from '../../serve/lists.ts';
import { configHash, differences, originOf, settingsOf } from '../../settings/settings.ts';
import { imageOf } from '../../snapshots/image.ts';
import { createSnapshots } from '../../snapshots/snapshots.ts';
import { stepTaken } from '../../steps.ts';
import { hashModel } from '../rebuild.ts';
import { writeActivation } from '../rollback.ts';
import { type ComparisonReport, createComparison, type Placed } from './comparison.ts';

/** Members of a shadow's status beside those of every service. */
export interface ShadowStatus {
  /** Hashes of the settings in force and of the shadow's, and each setting that differs: in force, shadow. */
  in_force: string;
  shadow: string;
  settings: Record<string, [unknown, unknown]>;
  compared: ComparisonReport;
  /** Events that only one of the two models could rank. */
  unpaired: number;
  /** Both models rank one in so many events. */
  every: number;
}

export interface PromoteAnswer {
  act: string;
  seq: number;
  snapshot: string;
  /** Hash of the settings that come into force. */
  config: string;
}

export interface ShadowEnvironment extends Omit<ServiceEnvironment, 'role' | 'config' | 'replica'> {
  /** The settings of the shadow. */
  config: Config;
  /** The settings in force. */
  inForce: Config;
  /** Called when the shadow cannot subtract an erasure, or its file has bytes of the user: it must begin again, from an empty file. */
  onStale?: () => void;
  /** Called when a caller ends the shadow. */
  onStop?: () => void;
}

export async function startShadow(environment: ShadowEnvironment): Promise<RunningService> {
  const { config, inForce } = environment;
  const logger =
    environment.logger ?? createLogger({ service: 'shadow', level: config.log.level, redact: config.log.redact });
  let folds: readonly ModelFold[] = [];
  const fold = (events: readonly LoggedEvent[], seq: number): void => {
    // The model may be ahead of the rows; it must not fold an event twice.
    for (const one of folds) if (seq > one.position()) one.fold(after(events, one.position()), streamSeq(seq));
  };
  const definition = engineProjection({ config });
  const comparison = createComparison(config.shadow.window);

  const parts = async (context: ServiceContext): Promise<ServiceParts> => {
    const { nc, log, store, loop, publisher, codec, erasureKey } = context;
    const { engine, shadow: settings } = config;
    const tables = prepareTables(store.db);
    const records = createRecords(store.db);
    const objects = await createInputObjects({ nc, log, logger, stallMs: engine.snapshot_stall_ms });
    await gatherRecords({ records, objects, checkpoint: store.checkpoint().seq, follows: true });
    const follower = createFollower({
      records,
      objects,
      next: () => store.checkpoint().seq + 1,
      logger,
      pollMs: engine.training_follow_ms,
    });
    const control = createModelFold({ config: inForce, tables, inputs: records, erasureKey });
    const tried = createModelFold({ config, tables, inputs: records, erasureKey });
    folds = [control, tried];
    const placed = ({ seq, user, rank }: Placed): Placed => ({ seq, user, rank });
    control.model.observe((event) => comparison.inForce(placed(event)), settings.every);
    tried.model.observe((event) => comparison.shadow(placed(event)), settings.every);
    const position = () => streamSeq(Math.min(control.position(), tried.position()));
    const hash = configHash(config);
    const lists = createLists({
      model: tried.model,
      seq: loop.position,
      snapshot: () => 'shadow',
      rows: rowsBeside(tables),
      ...configuredLists(config),
      capacity: 1,
    });
    const { recommend } = engineEndpoints(lists, tables.links.ownerOf, config, {
      attributes: createAttributeNames(rowsBeside(tables)),
      model: tried.model,
    });
    const stale = createPoller({
      everyMs: config.erasure.rebuild_after_ms,
      run: () => {
        if (store.db.open && (store.rebuildDue() !== undefined || store.holdsTraces())) environment.onStale?.();
      },
      onError: (err) => logger.warn({ err }, 'the shadow could not read whether it follows an erasure'),
    });

    async function promote(): Promise<PromoteAnswer> {
      const created = store.checkpoint().created;
      if (loop.status().state !== 'ready' || position() < store.checkpoint().seq)
        throw new NotCaughtUpError(`The shadow is not ready: it has folded the log up to ${position()} only.`, {
          next: 'freshet shadow status, then promote once the shadow is ready',
        });
      const snapshots = await createSnapshots({
        nc,
        publisher,
        logger,
        origin: () => originOf(config, store.version, created),
        settings: settingsOf(config),
        keep: engine.snapshots_kept,
        stallMs: engine.snapshot_stall_ms,
      });
      const seq = tried.position();
      const { object } = await snapshots.put(
        imageOf(tried.model, {
          seq,
          backend: 'shadow',
          inputs: records.digest(seq),
          fingerprints: store.fingerprints(),
        }),
      );
      logger.info({ object, seq }, 'the shadow stored its snapshot');
      stepTaken('shadow-stored');
      const act = await writeActivation({ codec, publisher }, 'promoted', {
        snapshot: object,
        config: JSON.stringify(settingsOf(config)),
      });
      stepTaken('shadow-activated');
      return { ...act, snapshot: object, config: hash };
    }

    const own: Record<string, Endpoint> = {
      recommend: { ...(recommend as Endpoint), description: 'A list as the shadow computes it' },
      hash: {
        description: 'Hashes of both models, with their log positions',
        example: {},
        handle: () => ({
          in_force: hashModel(control.model, control.position()),
          shadow: hashModel(tried.model, tried.position()),
        }),
      },
      promote: {
        description: 'Stores a snapshot of the shadow, and puts its settings in force by a control event',
        example: {},
        handle: promote,
      },
      stop: {
        description: 'Ends the shadow and removes its projection',
        example: {},
        handle: () => {
          environment.onStop?.();
          return {};
        },
      },
    };
    return {
      endpoints: own,
      state: { position, fold },
      status: () =>
        ({
          in_force: configHash(inForce),
          shadow: hash,
          settings: differences(settingsOf(inForce), settingsOf(config)),
          compared: comparison.report(),
          unpaired: comparison.unpaired(),
          every: settings.every,
        }) satisfies ShadowStatus as unknown as Record<string, unknown>,
      start: () => {
        follower.start();
        stale.start();
      },
      stop: async () => {
        await stale.stop();
        await follower.stop();
      },
    };
  };

  return runService(
    {
      description: 'The model under other settings, beside the one in force',
      definition,
      rebuildsBeside: false,
      parts,
    },
    { ...environment, role: 'shadow', logger },
  );
}

/** The events after a position. */
const after = (events: readonly LoggedEvent[], position: number): readonly LoggedEvent[] => {
  const [first] = events;
  return first === undefined || first.seq > position ? events : events.filter(({ seq }) => seq > position);
};
