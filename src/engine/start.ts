/** The engine as a service, composed of its parts. */
import { purging } from '../bus/erasure/ledger.ts';
import { streamSeq } from '../bus/event/ids.ts';
import { isOfLoss } from '../bus/projection/lost-rows.ts';
import { composeParts } from '../bus/service/compose.ts';
import type { RunningService, ServiceContext, ServiceEnvironment, ServiceParts } from '../bus/service/description.ts';
import { runService } from '../bus/service/service.ts';
import { createLogger } from '../observability/log.ts';
import { createArtifactsPart, gatherInputs } from './artifacts/part.ts';
import type { EngineContext } from './engine-context.ts';
import { createForgottenUsers } from './fold/forgotten-users.ts';
import { createFoldPart, type FoldPart } from './fold/part.ts';
import { prepareTables } from './fold/projection.ts';
import { rowsBeside } from './fold/rows-beside.ts';
import { createSettingsInForce } from './lifecycle/in-force.ts';
import { createLifecyclePart } from './lifecycle/part.ts';
import { readAhead } from './lifecycle/read-ahead.ts';
import { type ModelAhead, removeImage } from './lifecycle/rebuild.ts';
import { startingModel } from './lifecycle/starting-model.ts';
import { type EngineMetrics, engineMetrics } from './metrics.ts';
import { createPublishPart } from './publish/part.ts';
import { configuredLists } from './serve/configured-lists.ts';
import { createServePart, type ServePart } from './serve/part.ts';
import { configHash, originOf } from './settings/settings.ts';
import { allInSlices, nextTurn } from './slices.ts';
import { imaging, marksUpTo } from './snapshots/image.ts';
import { createSnapshotsPart, openSnapshots } from './snapshots/part.ts';
import { stepTaken } from './steps.ts';

/** The name in answers while no snapshot is in force. */
const NO_SNAPSHOT = 'none';

/** Starts the engine in this process. */
export async function startEngine(environment: ServiceEnvironment): Promise<RunningService> {
  const { log: logging } = environment.config;
  const logger =
    environment.logger ?? createLogger({ service: 'engine', level: logging.level, redact: logging.redact });
  const forgotten = createForgottenUsers();
  const settings = createSettingsInForce({ file: environment.config, logger, onForgotten: forgotten.note });
  // Once per process, even if it has several projection runtimes.
  let registered: EngineMetrics | undefined;
  /** For the next projection runtime alone. */
  let ahead: ModelAhead | undefined;

  const parts = async (service: ServiceContext): Promise<ServiceParts> => {
    const { store, loop, log } = service;
    const { config, activation } = settings.of(service.definition);
    registered ??= engineMetrics(service.registry);
    const tables = prepareTables(store.db);
    const created = store.checkpoint().created || (await log.info()).created;
    const context: EngineContext = {
      ...service,
      config,
      hash: configHash(config),
      replica: environment.replica,
      first: (environment.replica ?? 1) === 1,
      logger,
      metrics: registered,
      origin: () => originOf(config, store.version, store.checkpoint().created || created),
      rows: () => {
        const { seq } = store.checkpoint();
        return { seq, marks: marksUpTo(seq, store.fingerprints()) };
      },
      resolve: tables.links.ownerOf,
      reached: (seq) => loop.reached(streamSeq(seq), config.http.request_timeout_ms),
    };

    const snapshots = await openSnapshots(context);
    const inputs = await gatherInputs(context);
    const { records } = inputs;
    const start = await startingModel(context, snapshots, records.digest, ahead);
    ahead = undefined;
    const { model, rebuilt } = start;
    // The fold stops at the positions of trainings, and a training reads the model of the fold.
    let folding: FoldPart | undefined;
    let serving: ServePart | undefined;
    const position = (): number => folding?.fold.position() ?? start.seq;
    /** State that a rebuild replaces after a loss must train, publish and store nothing. */
    const lossy = (): boolean => isOfLoss(store.rebuildDue());
    const catchingUp = (): boolean => lossy() || (folding?.catchingUp() ?? true);
    // Between two slices of an erasure the model is the fold of no log, and ahead of the rows it has a snapshot already.
    const unsettled = (): boolean => catchingUp() || model.erasing;
    const artifacts = createArtifactsPart(context, { ...inputs, model, position, catchingUp: unsettled });
    folding = createFoldPart(context, {
      tables,
      model,
      seq: start.seq,
      snapshot: start.manifest?.object,
      readMs: start.readMs,
      inputs: records,
      stops: artifacts.stops,
      forgotten,
      asked: () => serving?.asked() ?? false,
    });
    const { fold, mark, assertWhole } = folding;

    const snapshot = (): string => snapshots.current()?.object ?? NO_SNAPSHOT;
    const answers = configuredLists(config);
    serving = createServePart(context, {
      lists: { model, seq: loop.position, snapshot, rows: rowsBeside(tables), ...answers },
      forgotten,
    });
    const publishing = createPublishPart(context, {
      lists: serving.lists,
      catchingUp,
      asked: serving.asked,
      arm: serving.publishedArm,
      snapshot,
      answerConfig: answers.config,
      forgotten,
    });
    const lifecycle = createLifecyclePart(context, {
      settings,
      activation,
      fold,
      records,
      snapshots,
      point: (manifest) => snapshotting.point(manifest),
      onRecorded: artifacts.recorded,
    });
    const snapshotting = createSnapshotsPart(context, {
      snapshots,
      position,
      catchingUp: unsettled,
      settled: () => !model.erasing && folding?.rowsAlone() === false,
      rebuilt: rebuilt && { beside: rebuilt.beside === true, remove: () => removeImage(service.files.image) },
      // The fold waits meanwhile, and requests are answered between the slices.
      image: async () => {
        assertWhole();
        const steps = imaging(model, {
          seq: position(),
          backend: artifacts.backend(),
          inputs: records.digest(position()),
          pinned: lifecycle.pinned(),
          exact: !model.stale && store.rebuildDue() === undefined && !store.erasing() && records.tainted().length === 0,
          fingerprints: [...store.fingerprints(), mark() ?? []].flat(),
        });
        const release = loop.hold();
        stepTaken('snapshot-begun');
        try {
          return await allInSlices(steps, { sliceMs: config.engine.cut_over_slice_ms, rest: nextTurn });
        } finally {
          release();
        }
      },
    });
    return composeParts([
      folding,
      snapshotting,
      publishing,
      serving,
      artifacts,
      lifecycle,
      { name: 'forgotten users', effects: [forgotten.effect] },
    ]);
  };

  return runService(
    {
      description: 'The model: recommendations, similar items and trending items',
      definition: settings.initial(),
      rebuildsBeside: false,
      shadow: 'shadow',
      resolveDefinition: settings.read,
      // The ranker of a rebuild learns from messages that an erasure removes afterwards, and another rebuild would be due.
      rebuildWaits: purging,
      beforeCutOver: async ({ image }, next, goOn) => {
        ahead = await readAhead(image, settings.of(next).config, goOn);
      },
      parts,
    },
    { ...environment, logger },
  );
}
