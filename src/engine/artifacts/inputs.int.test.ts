/** A recorded input must count from the same position of the log in every fold. */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silent } from '../../../test/support/counting.ts';
import { codec, event, stored, viewed } from '../../../test/support/events.ts';
import { books, reading, TASTES } from '../../../test/support/readers.ts';
import { type StartOptions, useServices } from '../../../test/support/services.ts';
import { makeTempDir, removeTempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { erasureHmac } from '../../bus/event/erasure-hmac.ts';
import { type StreamSeq, streamSeq } from '../../bus/event/ids.ts';
import { entitySubjects } from '../../bus/event/subject.ts';
import { createJetStreamLog } from '../../bus/log/jetstream.ts';
import { withState } from '../../bus/projection/after-commit.ts';
import { removeDatabase } from '../../bus/projection/database.ts';
import { projectionFiles, requestCutOver } from '../../bus/projection/files.ts';
import { createRebuild } from '../../bus/projection/rebuild.ts';
import { openStore } from '../../bus/projection/store.ts';
import { verifyProjection } from '../../bus/projection/verify.ts';
import type { RunningService } from '../../bus/service/description.ts';
import { erasureKey } from '../../bus/streams/erasure-key.ts';
import { rebuildable } from '../../cli/projections.ts';
import { completeConfig } from '../../config/load.ts';
import { createModelFold, emptyModel, type ModelFold } from '../fold/model-fold.ts';
import { engineProjection, prepareTables } from '../fold/projection.ts';
import { hashModel, type LiveModelHash, type ModelHash } from '../lifecycle/rebuild.ts';
import { type ContentMap, encodeMap, featureHash } from '../model/mod.ts';
import { createTrainer } from '../train/trainer.ts';
import { createRecords, openRecords, type RecordedInput, sha256Of } from './records.ts';
import { createTrainings } from './trainings.ts';

/** A map by taste, `sense` of it. */
function bytesOf(sense: number): Buffer {
  const ones = new Float32Array(TASTES * TASTES);
  for (let taste = 0; taste < TASTES; taste++) ones[taste * TASTES + taste] = 1;
  const map: ContentMap = {
    kind: 'content',
    hashes: Uint32Array.from({ length: TASTES }, (_, taste) => featureHash(`=taste ${taste}`)),
    embeddingSize: 0,
    rank: TASTES,
    hidden: 0,
    item: ones.map((one) => one * sense),
    user: ones,
    level: undefined,
    nobody: undefined,
    hiddenIn: new Float32Array(0),
    hiddenBias: new Float32Array(0),
    hiddenOut: new Float32Array(0),
    quality: { reciprocalRank: 0.5, chance: 0.05, questions: 100 },
  };
  return encodeMap(map);
}
const input = (fromSeq: number, bytes: Uint8Array = bytesOf(fromSeq), sha256 = sha256Of(bytes)): RecordedInput => ({
  kind: 'content',
  trained_at: Math.max(0, fromSeq - 10),
  from_seq: fromSeq,
  sha256,
  backend: 'wasm',
  seconds: 0.5,
  marks: [],
  bytes,
});

const events = [...books(), ...reading(240)];
const messages = stored(events);
const short = completeConfig({ engine: { training_judged_events: 10 } });

/** Folds all messages in batches of so many, with inputs; and again from a state that was taken on the way. */
function fold(inputs: readonly RecordedInput[], batch: number, cut: number) {
  const folder = makeTempDir('inputs');
  let memory: ModelFold | undefined;
  const store = withState(
    openStore({
      file: join(folder, 'e.sqlite'),
      definition: engineProjection({ config: short }),
      codec,
      cacheKib: 1_024,
    }),
    () => memory,
  );
  try {
    const tables = prepareTables(store.db);
    const records = createRecords(store.db);
    for (const one of inputs) records.add(one);
    const reached: number[] = [];
    const stops = {
      next: (after: number) => (Math.floor(after / 70) + 1) * 70,
      reached: (seq: StreamSeq) => void reached.push(seq, memory?.model.stats().events ?? 0),
    };
    memory = createModelFold({ config: short, tables, inputs: records, stops });
    let image = { state: memory.model.exportState(), seq: streamSeq(0) };
    for (let i = 0; i < messages.length; i += batch) {
      store.commit(messages.slice(i, i + batch), 'now');
      if (i <= cut) image = { state: memory.model.exportState(), seq: memory.position() };
    }
    const again = emptyModel(short);
    again.importState(image.state);
    const restored = createModelFold({ config: short, tables, model: again, seq: image.seq, inputs: records });
    const rest = messages.filter(({ seq }) => seq > image.seq);
    restored.fold(store.applied(rest), streamSeq(messages.length));
    return { live: memory, restored, reached };
  } finally {
    store.close();
    removeTempDir(folder);
  }
}
const stateOf = ({ model }: ModelFold): string => sha256Of(model.exportState());

describe('the fold with recorded inputs', () => {
  it('uses each input from its position on, for any batches and restarts', () => {
    const last = messages.length;
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: last }), { maxLength: 3 }),
        fc.constantFrom(2, 7, 64, 1_000),
        fc.nat(last),
        (positions, batch, cut) => {
          const inputs = positions.map((seq) => input(seq));
          const oneByOne = fold(inputs, 1, cut);
          const { live, restored, reached } = fold(inputs, batch, cut);
          expect(stateOf(oneByOne.restored)).toBe(stateOf(oneByOne.live));
          expect(stateOf(live)).toBe(stateOf(oneByOne.live));
          expect(stateOf(restored)).toBe(stateOf(live));
          expect(reached).toEqual(oneByOne.reached);
        },
      ),
      { numRuns: 4 },
    );
  });

  it('differs if an input counts from another position', () => {
    const states = [[], [input(100)], [input(250)]].map((inputs) => stateOf(fold(inputs, 64, 0).live));
    expect(new Set(states).size).toBe(3);
  });

  it('goes on without an input whose bytes are damaged, or that it cannot read, and counts it', () => {
    const without = stateOf(fold([], 64, 0).live);
    for (const bad of [input(100, bytesOf(1), sha256Of(bytesOf(2))), input(100, Buffer.from('FRSHMAP?'))]) {
      const { live } = fold([bad], 64, 0);
      expect(stateOf(live)).toBe(without);
      expect(live.warnings()).toMatchObject({ 'input-unreadable': 1 });
    }
  });
});

describe('a training', () => {
  it('that fails is counted, does not affect the fold, and is repeated at the next position', async () => {
    const { live } = fold([], 64, 0);
    const folder = makeTempDir('inputs');
    const db = new Database(join(folder, 'e.sqlite'));
    db.exec(engineProjection({ config: short }).schema);
    const records = createRecords(db);
    const lost = createTrainer({ logger: silent, entry: new URL('nowhere.ts', import.meta.url).href });
    let position = 100;
    const trainings = createTrainings({
      kinds: ['content'],
      schedule: { first: 100, every: 100 },
      trainer: lost,
      model: live.model,
      records,
      position: () => position,
      rows: () => ({ seq: position, marks: [] }),
      catchingUp: () => false,
      logger: silent,
    });
    try {
      trainings.poll();
      trainings.poll();
      await until(() => trainings.status().failed === 1);
      trainings.poll();
      expect(trainings.status()).toEqual({ running: null, last: null, failed: 1 });
      position = 200;
      trainings.poll();
      await until(() => trainings.status().failed === 2);
      expect(records.list()).toEqual([]);
    } finally {
      await trainings.stop();
      db.close();
      removeTempDir(folder);
    }
  });
});

describe('an engine that trains', () => {
  const services = useServices('inputs', {
    settings: {
      engine: {
        training_first_events: 300,
        training_every_events: 100_000,
        training_rank: 8,
        training_follow_ms: 100,
        training_judged_events: 20,
        snapshot_interval_ms: 3_600_000,
        snapshot_stall_ms: 1_000,
      },
    },
    publisher: { timeoutMs: 200, retries: 50 },
  });
  const config = services.config();
  const { stop, publish, caughtUp, end } = services;
  const start = (options: StartOptions = {}) => services.start('engine', options);
  const file = (): string => projectionFiles(services.data, 'engine').live;
  function recorded(from = file()): RecordedInput[] {
    const records = openRecords(from);
    try {
      return records?.between(0, Number.MAX_SAFE_INTEGER) ?? [];
    } finally {
      records?.close();
    }
  }
  const objects = async (): Promise<string[]> =>
    (await (await services.nc.jetstream().views.os('snapshots')).list())
      .filter(({ deleted, name }) => !deleted && name.startsWith('input-'))
      .map(({ name }) => name);
  const hash = async (): Promise<ModelHash> => {
    const { config: _, ...found } = await services.ask<LiveModelHash>('engine.hash');
    return found;
  };

  /** What the whole log gives with these records, without ever stopping. */
  async function uninterrupted(inputs: readonly RecordedInput[]): Promise<ModelHash> {
    const folder = makeTempDir('whole');
    const log = await createJetStreamLog(services);
    const { lastSeq } = await log.info();
    const store = withState(
      openStore({
        file: join(folder, 'e.sqlite'),
        definition: engineProjection({ config }),
        codec,
      }),
      () => memory,
    );
    const records = createRecords(store.db);
    for (const one of inputs) records.add(one);
    const memory = createModelFold({ config, tables: prepareTables(store.db), inputs: records });
    for (let seq = 1; seq <= lastSeq; seq++) {
      const message = await log.at(streamSeq(seq));
      if (message) store.commit([message], 'whole');
    }
    const found = hashModel(memory.model, memory.position());
    store.close();
    removeTempDir(folder);
    return found;
  }

  /** An engine that has trained once, and has folded some events more. */
  async function trained(): Promise<{ engine: RunningService; seq: number }> {
    const engine = await start();
    await publish(...books(), ...reading(320));
    await until(() => recorded().length > 0, { within: 60_000 });
    const seq = await publish(...reading(30, 400));
    await caughtUp(seq);
    return { engine, seq };
  }

  it('records the input, uses it from the next event on, logs it, and has the same model after any start', async () => {
    const { engine, seq } = await trained();
    const inputs = recorded();
    expect(inputs.map(({ kind, trained_at }) => [kind, trained_at])).toEqual([['content', 300]]);
    expect(inputs[0]?.from_seq).toBeGreaterThan(300);
    const { model } = engine.status() as unknown as { model: Record<string, unknown> };
    expect(model.backend).toMatch(/^(native|wasm)$/);
    expect(model).toMatchObject({
      inputs: [{ kind: 'content', sha256: inputs[0]?.sha256, challenged: false }],
      training: { running: null, failed: 0, last: { kind: 'content', trained_at: 300 } },
    });
    const metrics = await (await fetch(`${engine.healthUrl}/metrics`)).text();
    expect(metrics).toMatch(/^freshet_trainings_total\{kind="content"[^}]*\} 1$/m);
    expect(metrics).toMatch(/^freshet_inputs_in_force\{kind="content"[^}]*\} 1$/m);
    expect(metrics).toMatch(/^freshet_training_seconds_count(\{[^}]*\})? 1$/m);
    const right = await uninterrupted(inputs);
    expect(await hash()).toEqual(right);
    expect(right.state).not.toBe((await uninterrupted([])).state);
    // From the snapshot of the stop; then from the log alone.
    await stop(engine);
    const second = await start();
    expect(second.status().started_from).toMatchObject({ from: seq });
    expect(await hash()).toEqual(right);
    await stop(second);
    const store = await services.nc.jetstream().views.os('snapshots');
    for (const { name } of await store.list()) if (name.startsWith('model-')) await store.delete(name);
    const third = await start();
    await caughtUp(seq);
    expect(third.status().started_from).toMatchObject({ from: 0 });
    expect(await hash()).toEqual(right);
    expect(recorded()).toEqual(inputs);
  });

  it('finds the input in the object store if its file is lost', async () => {
    const { engine, seq } = await trained();
    const right = await hash();
    const inputs = recorded();
    await until(async () => (await objects()).length === 1);
    await stop(engine);
    removeDatabase(file());
    const again = await start();
    await caughtUp(seq);
    expect(recorded()).toEqual(inputs);
    expect(await hash()).toEqual(right);
    // A copy that is lost is made again.
    await stop(again);
    await (await services.nc.jetstream().views.os('snapshots')).delete((await objects())[0] as string);
    await start();
    await until(async () => (await objects()).length === 1);
  });

  it('is verified and rebuilt with its records', async () => {
    const { seq } = await trained();
    const log = await createJetStreamLog(services);
    const right = await hash();
    const key = await erasureKey(services.nc);
    const checked = await rebuildable('engine', config, key, { live: file(), nc: services.nc, log });
    const verdict = await verifyProjection({
      file: file(),
      definition: checked.definition,
      codec,
      log,
      consumer: 'verify',
      logger: silent,
      scratch: services.data,
      erasureKey: key,
      memory: {
        state: checked.state as never,
        hash: checked.modelFold?.hash as () => ModelHash,
        live: hash,
        difference: async () => undefined,
      },
    });
    checked.close?.();
    expect(verdict).toMatchObject({ seq, live: verdict.rebuilt });
    expect(verdict.first_difference).toBeUndefined();
    const made = await rebuildable('engine', config, new Uint8Array(), { live: file(), nc: services.nc, log });
    const files = projectionFiles(services.data, 'engine');
    const second = await createRebuild({
      file: files.rebuild,
      definition: made.definition,
      state: made.state,
      codec,
      log,
      consumer: 'rebuild',
      logger: silent,
    });
    await second.to();
    expect(made.modelFold?.hash()).toEqual(right);
    made.modelFold?.write(files.image, second.store, false);
    second.close();
    made.close?.();
    // Recorded by the engine that runs, once the rebuild was complete.
    const late = input(seq + 1, bytesOf(3));
    const db = new Database(file());
    createRecords(db).add(late);
    db.close();
    requestCutOver(files);
    await until(async () => {
      const found = recorded();
      return !existsSync(files.next) && found.length === 2 && services.running[0]?.status().state === 'ready';
    });
    const last = await publish(...reading(30, 430));
    await caughtUp(last);
    expect(await hash()).toEqual(await uninterrupted(recorded()));
  });

  it('does not use a rebuild without an input that was recorded at an earlier position', async () => {
    const { engine, seq } = await trained();
    const log = await createJetStreamLog(services);
    copyFileSync(file(), join(services.data, 'before'));
    const made = await rebuildable('engine', config, new Uint8Array(), {
      live: join(services.data, 'before'),
      nc: services.nc,
      log,
    });
    const files = projectionFiles(services.data, 'engine');
    const second = await createRebuild({
      file: files.rebuild,
      definition: made.definition,
      state: made.state,
      codec,
      log,
      consumer: 'rebuild',
      logger: silent,
    });
    await second.to();
    made.modelFold?.write(files.image, second.store, false);
    second.close();
    made.close?.();
    await stop(engine);
    const db = new Database(file());
    createRecords(db).add(input(seq - 5, bytesOf(3)));
    db.close();
    requestCutOver(files);
    await start();
    await caughtUp(seq);
    expect(recorded()).toHaveLength(2);
    expect(await hash()).toEqual(await uninterrupted(recorded()));
  });

  /** Forgets a user as the coordinator does it, sequence of the record. */
  async function forget(user: string): Promise<number> {
    const key = await erasureKey(services.nc);
    const log = await createJetStreamLog(services);
    const { lastSeq } = await log.info();
    const data = { hmac: erasureHmac(key, user), fence: lastSeq };
    const seq = await publish(event('control.erased.v1', `act-${user}`, data));
    const { streams } = await services.nc.jetstreamManager();
    for (const context of ['user', 'feedback'] as const)
      await streams.purge('EVENTS', { filter: entitySubjects(context, user), seq });
    return seq;
  }

  it('trains again after an erasure, without the user, and equals a fold of the purged log with this input', async () => {
    const engine = await start({ settings: { erasure: { rebuild_after_ms: 50 } } });
    await publish(...books(), ...reading(320));
    await until(() => recorded().length > 0, { within: 60_000 });
    await publish(...reading(30, 400));
    // The input contains no part of a user whose first event came after the training.
    await publish(viewed('late', 'i1'));
    const before = recorded();
    const late = await forget('late');
    await caughtUp(late);
    expect(engine.status().training_due).toBe(false);
    await until(() => engine.status().rebuild_due === undefined, { within: 90_000 });
    expect(recorded()).toEqual(before);

    const act = await forget('u3');
    await until(() => engine.status().seq >= act);
    await until(() => engine.status().training_due === false, { within: 60_000 });
    const after = recorded();
    expect(after.map(({ kind }) => kind)).toEqual(['content']);
    expect(after[0]?.trained_at).toBeGreaterThanOrEqual(act);
    expect(after[0]?.sha256).not.toBe(before[0]?.sha256);
    await until(async () => {
      const [only, ...others] = await objects();
      return others.length === 0 && only?.includes(`-${after[0]?.trained_at}-`);
    });
    await until(() => engine.status().rebuild_due === undefined, { within: 90_000 });
    const seq = await publish(...reading(30, 430).filter(({ subject }) => subject !== 'u3'));
    await caughtUp(seq);
    expect(recorded()).toEqual(after);
    expect(await hash()).toEqual(await uninterrupted(after));
    const { model } = engine.status() as unknown as { model: { inputs: { sha256: string | null }[] } };
    expect(model.inputs.map(({ sha256 }) => sha256)).toContain(after[0]?.sha256);
  });

  it('removes an input with a part of a forgotten user also if it cannot train', async () => {
    const { engine } = await trained();
    await stop(engine);
    // Switched off: neither trained nor used, and a record of before is there all the same.
    const again = await start({
      settings: { engine: { training_content: false }, erasure: { rebuild_after_ms: 50 } },
    });
    expect(recorded()).toHaveLength(1);
    const act = await forget('u3');
    await until(() => again.status().seq >= act && again.status().training_due === false, { within: 60_000 });
    expect(recorded()).toEqual([]);
    await until(async () => (await objects()).length === 0);
  });

  it('goes on after a failed training, and counts it', async () => {
    const engine = await start({ settings: { engine: { training_time_limit_ms: 1 } } });
    await publish(...books(), ...reading(400));
    await until(() => (engine.status().model as { training: { failed: number } }).training.failed === 1);
    const metrics = await (await fetch(`${engine.healthUrl}/metrics`)).text();
    expect(metrics).toMatch(/^freshet_trainings_failed_total\{kind="content"[^}]*\} 1$/m);
    await caughtUp(await publish(...reading(30, 400)));
    expect(recorded()).toEqual([]);
    expect(engine.status().model).toMatchObject({ backend: 'typed-arrays', inputs: [] });
  });

  it('is followed by a replica that does not train', async () => {
    const { engine, seq } = await trained();
    const replica = await start({ replica: 2 });
    await caughtUp(seq, replica);
    const inputs = recorded(projectionFiles(services.data, 'engine-2').live);
    expect(inputs).toEqual(recorded());
    expect(replica.status().model).toMatchObject({ training: null, inputs: [{ kind: 'content' }] });
    const last = await publish(...reading(300, 430));
    await caughtUp(last, engine);
    await until(() => recorded().length === 2, { within: 60_000 });
    // The input counts from a position on that may be behind the newest event. A replica reads it when it gets there.
    await publish(...reading(1, 730));
    await until(() => recorded(projectionFiles(services.data, 'engine-2').live).length === 2, { within: 10_000 });
  });

  it('has the same state after a kill at any moment', async () => {
    const status = async (): Promise<{ seq: number; state: string }> =>
      (await services.nc.request('freshet.engine.status', '{}', { timeout: 500 })).json();
    let child = services.launch('engine');
    await publish(...books(), ...reading(320));
    await until(() => recorded().length > 0, { within: 60_000 });
    for (let round = 0; round < 2; round++) {
      const from = (await until(status, { within: 30_000 })).seq;
      const sending = publish(...reading(200, 320 + round * 200));
      await until(async () => (await status()).seq > from + 5 * round);
      await end(child);
      await sending;
      child = services.launch('engine');
    }
    const last = (await (await createJetStreamLog(services)).info()).lastSeq;
    await until(
      async () => {
        const now = await status();
        return now.seq === last && now.state === 'ready';
      },
      { within: 60_000 },
    );
    expect(await hash()).toEqual(await uninterrupted(recorded()));
    await end(child);
  });
});
