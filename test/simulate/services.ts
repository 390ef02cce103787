/** The folds of all services on one log, each as a loop with a store of its own, which can die and begin again. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type StreamSeq, streamSeq } from '../../src/bus/event/ids.ts';
import type { Log } from '../../src/bus/log/port.ts';
import { withState } from '../../src/bus/projection/after-commit.ts';
import { type ProjectionDefinition, SERVICES, type ServiceName } from '../../src/bus/projection/definition.ts';
import { hashProjection } from '../../src/bus/projection/hash.ts';
import { createProjectionLoop, type ProjectionLoop } from '../../src/bus/projection/loop.ts';
import { openStore, type ProjectionStore } from '../../src/bus/projection/store.ts';
import { completeConfig } from '../../src/config/load.ts';
import { contentProjection } from '../../src/content/projection.ts';
import { createModelFold, emptyModel, type ModelFold } from '../../src/engine/fold/model-fold.ts';
import { engineProjection, prepareTables } from '../../src/engine/fold/projection.ts';
import { feedbackProjection } from '../../src/feedback/projection.ts';
import { userProjection } from '../../src/user/projection.ts';
import { silent } from '../support/counting.ts';
import { codec } from '../support/events.ts';
import { createFailing, type Failing } from './crash.ts';

export const KEY = Buffer.from('a key of simulations');

const config = completeConfig({ engine: { prequential_every: 3, ranker_dense: 20 } });

/** State of the engine's model at a position, as a snapshot holds it. */
interface Image {
  seq: StreamSeq;
  state: Buffer;
}

/** What a service holds, in words that can be compared. */
export interface Held {
  seq: number;
  tables: string;
  /** Of the engine: its statistics, and all of the model. */
  statistics?: string;
  model?: string;
  /** Why it has to be rebuilt. */
  due: string | undefined;
}

export interface SimulatedService {
  readonly name: ServiceName;
  readonly failing: Failing;
  readonly loop: ProjectionLoop;
  start(): void;
  /** As a killed process leaves it, and started again; the engine from an earlier image, or from none. */
  dieAndStart(image: 'newest' | 'none'): Promise<void>;
  /** A snapshot of what is in memory. */
  keep(): void;
  held(): Held;
  close(): Promise<void>;
}

interface Opened {
  store: ProjectionStore;
  memory: ModelFold | undefined;
}

function open(name: ServiceName, file: string, wrap?: Failing, image?: Image, eraseEvents?: number): Opened {
  let memory: ModelFold | undefined;
  const definitions: Record<ServiceName, () => ProjectionDefinition<never>> = {
    user: () => userProjection(config) as ProjectionDefinition<never>,
    content: () => contentProjection() as ProjectionDefinition<never>,
    feedback: () => feedbackProjection(config) as ProjectionDefinition<never>,
    engine: () => engineProjection({ config }) as ProjectionDefinition<never>,
  };
  const store = openStore({
    file,
    definition: definitions[name](),
    codec,
    cacheKib: 1_024,
    erasureKey: KEY,
    eraseEvents,
    ...(wrap ? { wrap: wrap.wrap } : {}),
  });
  if (name === 'engine') {
    const model = emptyModel(config);
    if (image) model.importState(image.state);
    const seq = image?.seq ?? streamSeq(0);
    memory = createModelFold({
      config,
      tables: prepareTables(store.db),
      model,
      seq,
      erasureKey: KEY,
      ...(eraseEvents === undefined ? {} : { eraseEvents }),
    });
  }
  return { store, memory };
}

const heldBy = ({ store, memory }: Opened): Held => ({
  seq: store.checkpoint().seq,
  tables: hashProjection(store.db).hash,
  ...(memory
    ? {
        statistics: memory.model.statisticsHash(),
        model: createHash('sha256').update(memory.model.exportState()).digest('hex'),
      }
    : {}),
  due: store.rebuildDue(),
});

export interface ServiceOptions {
  name: ServiceName;
  folder: string;
  log: Log;
  batchMax: number;
  /** Most events of an erasure in one slice. */
  eraseEvents: number;
}

export function createSimulatedService({ name, folder, log, batchMax, eraseEvents }: ServiceOptions): SimulatedService {
  const file = join(folder, `${name}.sqlite`);
  const failing = createFailing();
  const images: Image[] = [];
  let opened = open(name, file, failing, undefined, eraseEvents);
  let loop = begin();

  function begin(): ProjectionLoop {
    const { store, memory } = opened;
    return createProjectionLoop({
      service: name,
      log,
      store,
      logger: silent,
      followers: { state: memory },
      limits: { batchMax, batchWaitMs: 20, idleCheckMs: 1_000, checkIntervalMs: 5_000 },
    });
  }

  return {
    name,
    failing,
    get loop() {
      return loop;
    },
    start: () => loop.start(),
    dieAndStart: async (which) => {
      const dead = loop;
      // Closed first: what is in the loop's memory is lost, as it is with a process.
      opened.store.close();
      await dead.stop().catch(() => {});
      failing.heal();
      const image = which === 'newest' ? images.findLast(({ seq }) => seq <= checkpointOf(name, file)) : undefined;
      opened = open(name, file, failing, image, eraseEvents);
      loop = begin();
      loop.start();
    },
    keep: () => {
      // Between two slices there is no state to keep.
      if (opened.memory && !opened.memory.erasing())
        images.push({ seq: opened.memory.position(), state: opened.memory.model.exportState() });
    },
    held: () => heldBy(opened),
    close: async () => {
      failing.heal();
      await loop.stop();
      opened.store.close();
    },
  };
}

function checkpointOf(name: ServiceName, file: string): number {
  const { store } = open(name, file);
  const { seq } = store.checkpoint();
  store.close();
  return seq;
}

/** What the plain fold of these messages gives: one after the other, in one go, with nothing in between. */
export function plainFold(
  name: ServiceName,
  folder: string,
  messages: Parameters<ProjectionStore['commit']>[0],
  created: string,
): Held {
  const opened = open(name, join(folder, `${name}-plain.sqlite`));
  const store = withState(opened.store, () => opened.memory);
  for (const message of messages) store.commit([message], created);
  const held = heldBy(opened);
  opened.store.close();
  return held;
}

export { SERVICES };
