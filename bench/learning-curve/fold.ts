/** The engine's fold without network: events pass through codec, projection and SQLite into the model and the lists. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCodec, type StoredMessage } from '../../src/bus/event/codec.ts';
import { streamSeq } from '../../src/bus/event/ids.ts';
import type { CloudEvent } from '../../src/bus/event/types.ts';
import { withState } from '../../src/bus/projection/after-commit.ts';
import { openStore } from '../../src/bus/projection/store.ts';
import { completeConfig } from '../../src/config/load.ts';
import { createModelFold } from '../../src/engine/fold/model-fold.ts';
import { engineProjection, prepareTables } from '../../src/engine/fold/projection.ts';
import { configuredLists } from '../../src/engine/serve/configured-lists.ts';
import { createLists, type RankingAnswer } from '../../src/engine/serve/lists.ts';
import { nextTraining } from '../../src/engine/train/schedule.ts';
import { scheduleOf, trainedKinds, trainerOptionsOf } from '../../src/engine/train/settings.ts';
import { createTrainer } from '../../src/engine/train/trainer.ts';
import { createLogger } from '../../src/observability/log.ts';

export interface Fold {
  /** Appends an event to the log. The fold takes it with the next list, or as soon as a batch is full. */
  append(event: CloudEvent): Promise<void>;
  /** A list computed at the head of the log. */
  list(user: string, n: number): Promise<RankingAnswer>;
  close(): Promise<void>;
}

/** Uses the default configuration. Trains at the same positions as a service, and waits for each training. */
export function createFold(): Fold {
  const config = completeConfig({});
  const folder = mkdtempSync(join(tmpdir(), 'freshet-learning-'));
  const codec = createCodec({ declared: config.events.declared });
  const definition = engineProjection({ config });
  const store = withState(openStore({ file: join(folder, 'engine.sqlite'), definition, codec }), () => memory);
  // The file is temporary, and waits for the disk do not change lists.
  store.db.pragma('synchronous = OFF');
  const memory = createModelFold({ config, tables: prepareTables(store.db) });
  const { model } = memory;
  const trainer = createTrainer({
    logger: createLogger({ service: 'bench', level: 'warn' }),
    ...trainerOptionsOf(config),
  });
  const lists = createLists({
    model,
    seq: memory.position,
    snapshot: () => 'none',
    ...configuredLists(config),
    capacity: config.engine.cached_lists,
  });
  const schedule = scheduleOf(config);
  let training = nextTraining(0, schedule);
  let seq = 0;
  let waiting: StoredMessage[] = [];

  async function commit(): Promise<void> {
    if (waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    const { deadLetters } = store.commit(batch, 'bench');
    if (deadLetters[0]) throw new Error(`the engine set an event aside: ${deadLetters[0].message}`);
    if (seq < training) return;
    for (const kind of trainedKinds(config)) {
      const input = model.trainingData(kind);
      if (input !== undefined)
        model.adopt({ kind, bytes: (await trainer.train(kind, input)).bytes, seq: streamSeq(seq) });
    }
    training = nextTraining(seq, schedule);
  }

  return {
    append: async (event) => {
      const prepared = codec.prepare(event);
      if (!prepared.ok) throw new Error(prepared.problem.message);
      const { subject, payload } = prepared.prepared;
      waiting.push({ seq: streamSeq(++seq), subject, payload, timestamp: Date.parse(event.time as string) });
      if (seq >= training || waiting.length >= config.projection.batch_max) await commit();
    },
    list: async (user, n) => {
      await commit();
      return lists.recommend({
        user,
        n,
        exclude: [],
        explain: false,
        includeSeen: false,
        maxAgeMs: 0,
        minSeq: 0,
        cursor: undefined,
      });
    },
    close: async () => {
      await trainer.close();
      store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
