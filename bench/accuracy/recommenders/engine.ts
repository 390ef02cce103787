/** The engine without network: messages pass through codec, projection and SQLite into the model in memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCodec } from '../../../src/bus/event/codec.ts';
import { itemId, userId } from '../../../src/bus/event/ids.ts';
import { withState } from '../../../src/bus/projection/after-commit.ts';
import { openStore } from '../../../src/bus/projection/store.ts';
import { completeConfig } from '../../../src/config/load.ts';
import { createModelFold } from '../../../src/engine/fold/model-fold.ts';
import { engineProjection, prepareTables } from '../../../src/engine/fold/projection.ts';
import { nextTraining } from '../../../src/engine/train/schedule.ts';
import { scheduleOf, trainedKinds, trainerOptionsOf } from '../../../src/engine/train/settings.ts';
import { createTrainer } from '../../../src/engine/train/trainer.ts';
import { createLogger } from '../../../src/observability/log.ts';
import type { DataSet } from '../data/data-set.ts';
import type { Recommender } from './port.ts';

export const ENGINE = 'engine';

/** Settings of the section `engine`, by name. */
export type EngineSettings = Readonly<Record<string, unknown>>;

/** The defaults and some other settings; without a catalogue the engine serves unpublished items. */
export const engineConfig = ({ catalogued }: Pick<DataSet, 'catalogued'>, settings: EngineSettings = {}) =>
  completeConfig({ engine: { serve_unpublished: !catalogued, ...settings } });

/** Milliseconds that one training may take: so long that no time limit changes the result. */
const TRAINING_MS = 3 * 3_600_000;

export interface EngineOptions {
  name?: string;
  /** Settings that differ from the defaults. */
  settings?: EngineSettings;
  /** Called with a line for each training. */
  say?: (line: string) => void;
}

export interface EngineRecommender extends Recommender {
  /** Items similar to an item, best first. */
  similar(item: number, n: number): number[];
}

/**
 * Trains at the same positions as a service, and waits for it, so that the figures don't depend on the machine's load.
 *
 * @param depth items of a list; the harness removes those that it does not rank
 */
export function createEngine(
  data: DataSet,
  depth: number,
  { name = ENGINE, settings = {}, say = () => {} }: EngineOptions = {},
): EngineRecommender {
  const config = engineConfig(data, settings);
  const folder = mkdtempSync(join(tmpdir(), 'freshet-accuracy-'));
  const definition = engineProjection({ config });
  const store = withState(
    openStore({
      file: join(folder, 'engine.sqlite'),
      definition,
      codec: createCodec({ declared: config.events.declared }),
    }),
    () => memory,
  );
  // The file is temporary, and waits for the disk do not change accuracy.
  store.db.pragma('synchronous = OFF');
  const memory = createModelFold({ config, tables: prepareTables(store.db) });
  const { model } = memory;
  const users = data.users.map(userId);
  const items = data.items.map(itemId);
  const numbers = new Map<string, number>(data.items.map((id, number) => [id, number]));
  let rest: { among: readonly number[]; exclude: (typeof items)[number][] } | undefined;
  const allBut = (among: readonly number[]) => {
    if (rest?.among !== among) {
      const kept = new Set(among);
      rest = { among, exclude: items.filter((_, item) => !kept.has(item)) };
    }
    return rest.exclude;
  };
  // As the service requests lists from its model: one item more than the caller wants, and at least a cached list.
  const asked = Math.max(config.engine.list_length, depth + 1);
  const size = config.projection.batch_max;
  const trainer = createTrainer({
    logger: createLogger({ service: 'accuracy', level: 'warn' }),
    ...trainerOptionsOf(config),
    timeLimitMs: TRAINING_MS,
  });
  const schedule = scheduleOf(config);
  let training = nextTraining(0, schedule);
  const train = async (seq: number): Promise<void> => {
    for (const kind of trainedKinds(config)) {
      const input = model.trainingData(kind);
      if (input === undefined) continue;
      const before = process.cpuUsage();
      const { bytes, seconds, backend } = await trainer.train(kind, input);
      const { user, system } = process.cpuUsage(before);
      const cpu = ((user + system) / 1_000_000).toFixed(1);
      say(`${name}: ${kind} trained at ${seq}: ${cpu} s of processor time, ${seconds.toFixed(1)} s, ${backend}`);
      model.adopt({ kind, bytes, seq });
    }
    training = nextTraining(seq, schedule);
  };
  return {
    name,
    learn: async (entries) => {
      for (let at = 0; at < entries.length; ) {
        // The trainings start at the same positions of the log as in a service, and their results count at once.
        const next = entries.slice(at, at + size).map(({ message }) => message);
        const until = next.findIndex(({ seq }) => seq >= training);
        const batch = until < 0 ? next : next.slice(0, until + 1);
        const { deadLetters } = store.commit(batch, 'accuracy');
        if (deadLetters[0]) throw new Error(`the engine set an event aside: ${deadLetters[0].message}`);
        const seq = batch[batch.length - 1]?.seq ?? 0;
        if (seq >= training) await train(seq);
        at += batch.length;
      }
    },
    rank: ({ user, history, among }) => {
      const list = model.recommend({
        ...(history === undefined
          ? { user: users[user] as (typeof users)[number] }
          : { history: history.map((item) => items[item] as (typeof items)[number]) }),
        n: among?.length ?? asked,
        ...(among === undefined ? {} : { exclude: allBut(among) }),
      });
      const found = list.items.slice(0, among?.length ?? depth);
      return {
        kind: 'list',
        items: found.map(({ item }) => numbers.get(item) as number),
        scores: found.map(({ score }) => score),
      };
    },
    similar: (item, n) =>
      model.similar(items[item] as (typeof items)[number], n).items.map((found) => numbers.get(found.item) as number),
    learned: () => model.stats().events,
    close: async () => {
      await trainer.close();
      store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
