/**
 * An engine without rows on a log with snapshots: a new replica, a lost file, a kill on the way, a damaged snapshot, an
 * erasure. Each is compared with a fold of the log from its first event.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  clicked,
  codec,
  dismissed,
  event,
  linked,
  patched,
  published,
  registered,
  retracted,
  served,
  viewed,
  withdrawn,
} from '../../test/support/events.ts';
import { books, reading } from '../../test/support/readers.ts';
import { useServices } from '../../test/support/services.ts';
import { until } from '../../test/support/wait.ts';
import { erasureHmac } from '../bus/event/erasure-hmac.ts';
import { removeDatabase } from '../bus/projection/database.ts';
import { hashProjection } from '../bus/projection/hash.ts';
import { openReader } from '../bus/projection/reading.ts';
import type { RunningService } from '../bus/service/description.ts';
import { erasureKey } from '../bus/streams/erasure-key.ts';
import type { Config } from '../config/schema.ts';
import type { CatchUpStatus } from './fold/catch-up.ts';
import { engineProjection } from './fold/projection.ts';
import type { ModelHash } from './lifecycle/rebuild.ts';
import type { Manifest } from './snapshots/manifest.ts';

const services = useServices('ahead', {
  settings: {
    // The engine writes a snapshot when it stops, and when a test asks for it by these settings.
    engine: {
      publish_rankings: true,
      training_content: false,
      snapshot_interval_ms: 3_600_000,
      snapshot_events: 1_000_000,
    },
    erasure: { rebuild_after_ms: 3_600_000, look_ms: 20, server_index_ms: 0 },
  },
  publisher: { timeoutMs: 200, retries: 50 },
});
const { publish, caughtUp, stop, launch, end, kvValue, ask, logged } = services;

interface Status {
  state: string;
  seq: number;
  started_from: CatchUpStatus;
}

const start = (engine: Partial<Config['engine']> = {}, replica = 1): Promise<RunningService> =>
  services.start('engine', { replica, settings: { engine } });
const from = (engine: RunningService): CatchUpStatus => engine.status().started_from as CatchUpStatus;
const statusOf = (instance: string): Promise<Status> => ask(`engine.status.${instance}`) as unknown as Promise<Status>;
const readyAt = (instance: string, seq: number): Promise<Status> =>
  until(
    async () => {
      const status = await statusOf(instance);
      return status.state === 'ready' && status.seq >= seq && status;
    },
    { within: 60_000, what: `${instance} ready at ${seq}` },
  );
const snapshot = (): Promise<Manifest> =>
  until(() => kvValue<Manifest>('engine', 'current'), { what: 'a snapshot in force' });

const catalogue = () => [...'abcdefghijk'].map((item) => published(item, { tags: [item] }));
/** Events whose fold needs rows of earlier ones: links, traits, retractions, lists that were shown, an experiment. */
const story = (n: number, offset = 0) =>
  Array.from({ length: n }, (_, k) => {
    const i = offset + k;
    const user = `u${i % 13}`;
    const item = 'abcdefgh'[(i * 7) % 8] as string;
    if (i % 29 === 28) return linked(user, `s${i % 7}`);
    if (i % 31 === 30) return registered(user, { age: i % 90, likes: ['sea'] }, { id: `traits${i}` });
    if (i % 37 === 36) return retracted(user, { id: `traits${i - (i % 31) - 1}` });
    if (i % 41 === 40) return patched('a', { title: `Title ${i}` });
    if (i % 43 === 42) return i % 2 ? withdrawn('h') : published('h');
    if (i % 17 === 16) return served(user, `list${i}`, ['a', 'b', 'c', 'd']);
    if (i % 19 === 18) return clicked(user, 'b', { list: `list${i - (i % 17) - 1}`, position: 1 });
    if (i % 47 === 46) return dismissed(user, item);
    if (i === 50)
      return event('control.experiment_started.v1', 'shorter', {
        arms: [
          { arm: 'control', share: 0.5 },
          { arm: 'short', share: 0.5, settings: { list_length: 10 } },
        ],
      });
    return viewed(i % 5 === 4 ? `s${i % 7}` : user, item, { id: `view${i}` });
  });

interface Contents {
  tables: unknown;
  model: ModelHash;
}
/** Hashes of the tables and of the model of an instance. */
async function contents(instance: string): Promise<Contents> {
  const model = (await ask(`engine.hash.${instance}`)) as unknown as ModelHash;
  const rows = openReader(
    join(services.data, `${instance}.sqlite`),
    engineProjection({ config: services.config() }),
    codec,
  );
  if (!rows) throw new Error(`the test cannot read the rows of ${instance}`);
  try {
    return { tables: hashProjection(rows.db), model };
  } finally {
    rows.close();
  }
}

/** What a replica has that reads the log from its first event. */
async function fromTheFirstEvent(seq: number): Promise<Contents> {
  const child = launch('engine', { replica: 9, settings: { engine: { start_from_snapshot: false } } });
  const { started_from } = await readyAt('engine-9', seq);
  expect(started_from).toMatchObject({ snapshot: null, from: 0, rows: null });
  const found = await contents('engine-9');
  await end(child, 'SIGTERM');
  return found;
}

/** A leader that has written a snapshot of a story, and has folded some events behind it. */
async function leaderWithSnapshot(events: number, behind = 100): Promise<{ seq: number; manifest: Manifest }> {
  const first = await start();
  await caughtUp(await publish(...catalogue(), ...story(events)));
  await stop(first);
  const manifest = await snapshot();
  const second = await start();
  const seq = await publish(...story(behind, events));
  await caughtUp(seq, second);
  return { seq, manifest };
}

async function verified(instance: number): Promise<unknown> {
  const { stdout } = await services
    .runFreshet('verify', 'engine', '--replica', `${instance}`, '--json')
    .catch((err: { stdout: string; stderr: string }) => err);
  return JSON.parse(stdout);
}

describe('an engine without rows', () => {
  it('as a new replica folds the rows alone up to the newest snapshot, and has every bit of a fold from the first event', async () => {
    const { seq, manifest } = await leaderWithSnapshot(1_200);
    expect(manifest.exact).toBe(true);
    launch('engine', { replica: 2 });
    const { started_from } = await readyAt('engine-2', seq);
    expect(started_from).toMatchObject({
      snapshot: manifest.object,
      from: manifest.seq,
      to: manifest.seq,
      rows: { from: 0, to: manifest.seq, reached: manifest.seq },
    });
    const last = await publish(...story(60, 1_300));
    await readyAt('engine-2', last);
    const replica = await contents('engine-2');
    expect(replica).toEqual(await fromTheFirstEvent(last));
    expect(replica.model).toEqual(await ask('engine.hash.engine'));
    expect(await verified(2)).toMatchObject({ equal: true });
  });

  it('as replica 1 whose file is lost comes back this way, and requests wait until the rows have reached the model', async () => {
    const first = await start();
    const seq = await publish(...catalogue(), ...story(1_500));
    await caughtUp(seq);
    await stop(first);
    const manifest = await snapshot();
    removeDatabase(join(services.data, 'engine.sqlite'));
    const second = await start();
    expect(second.status()).toMatchObject({ state: 'catching-up', seq: 0 });
    expect(from(second).rows).toMatchObject({ from: 0, to: seq, reached: 0 });
    const list = await ask<{ seq: number; items: unknown[] }>(
      'engine.recommend',
      { user: 'u1' },
      { timeoutMs: 10_000 },
    );
    expect(list.seq).toBeGreaterThanOrEqual(seq);
    expect(list.items.length).toBeGreaterThan(0);
    await caughtUp(seq, second);
    expect(from(second)).toMatchObject({ snapshot: manifest.object, rows: { reached: seq } });
    expect(logged.map(({ msg }) => msg)).toContain(
      'the rows have reached the snapshot; the engine goes on with rows and model',
    );
    const last = await publish(...story(80, 1_500));
    await caughtUp(last, second);
    expect(await contents('engine')).toEqual(await fromTheFirstEvent(last));
    expect(await verified(1)).toMatchObject({ equal: true });
    // The next snapshot is of the model that went on.
    await stop(second);
    expect(await snapshot()).toMatchObject({ seq: last, exact: true });
  });

  it('that is killed while it folds the rows alone goes on from their checkpoint', async () => {
    const { seq, manifest } = await leaderWithSnapshot(6_000);
    const child = launch('engine', { replica: 2 });
    const rows = await until(
      async () => {
        const { started_from } = await statusOf('engine-2');
        const { rows } = started_from;
        return rows && rows.reached > 200 && rows.reached < manifest.seq && rows;
      },
      { within: 60_000, what: 'rows on their way to the snapshot' },
    );
    await end(child, 'SIGKILL');
    expect(rows.to).toBe(manifest.seq);
    launch('engine', { replica: 2 });
    const { started_from } = await readyAt('engine-2', seq);
    expect(started_from).toMatchObject({
      snapshot: manifest.object,
      rows: { to: manifest.seq, reached: manifest.seq },
    });
    expect(started_from.rows?.from).toBeGreaterThan(0);
    expect(started_from.rows?.from).toBeLessThan(manifest.seq);
    expect(await contents('engine-2')).toEqual(await fromTheFirstEvent(seq));
  });

  it('uses the snapshot before the newest one if the bytes of that are others, and logs it', async () => {
    const { manifest: older } = await leaderWithSnapshot(300);
    await stop('engine');
    const newest = await snapshot();
    expect(newest.object).not.toBe(older.object);
    const store = await services.nc.jetstream().views.os('snapshots');
    const { description = '' } = (await store.info(newest.object)) ?? {};
    await store.putBlob({ name: newest.object, description }, Buffer.from('something else'));
    logged.length = 0;
    const replica = await start({}, 2);
    await caughtUp(newest.seq, replica);
    expect(from(replica)).toMatchObject({ snapshot: older.object, from: older.seq, rows: { from: 0, to: older.seq } });
    expect(logged.filter(({ object }) => object === newest.object).map(({ msg }) => msg)).toEqual([
      'the engine cannot read a snapshot and tries the one before it',
    ]);
    expect(await contents('engine-2')).toEqual(await fromTheFirstEvent(newest.seq));
  });

  it('does not use a snapshot with a user whom an erasure forgot since', async () => {
    const first = await start();
    const seq = await publish(...catalogue(), ...story(300));
    await caughtUp(seq);
    await stop(first);
    const manifest = await snapshot();
    const hmac = erasureHmac(await erasureKey(services.nc), 'u3');
    const record = await publish(event('control.erased.v1', 'act', { hmac, fence: seq }));
    const jsm = await services.nc.jetstreamManager();
    for (const context of ['user', 'feedback'])
      await jsm.streams.purge('EVENTS', { filter: `ev.${context}.u3.>`, seq: seq + 1 });
    const last = await publish(...story(40, 300).filter(({ subject }) => subject !== 'u3'));
    const replica = await start({}, 2);
    await caughtUp(last, replica);
    expect(from(replica)).toMatchObject({ snapshot: null, from: 0, rows: null });
    expect(logged.find(({ object, reason }) => object === manifest.object && reason)?.reason).toBe(
      `made before the erasure at sequence ${record}`,
    );
    expect(await contents('engine-2')).toEqual(await fromTheFirstEvent(last));
  });

  it('does not use a snapshot of an engine that has to rebuild its model after an erasure', async () => {
    const first = await start();
    const seq = await publish(...catalogue(), ...story(300));
    await caughtUp(seq);
    const hmac = erasureHmac(await erasureKey(services.nc), 'u3');
    const record = await publish(event('control.erased.v1', 'act', { hmac, fence: seq }));
    const jsm = await services.nc.jetstreamManager();
    for (const context of ['user', 'feedback'])
      await jsm.streams.purge('EVENTS', { filter: `ev.${context}.u3.>`, seq: seq + 1 });
    await until(async () => (await kvValue<Manifest>('engine', 'current'))?.seq === record);
    const manifest = await snapshot();
    expect(manifest.exact).toBeUndefined();
    expect(first.status().rebuild_due).toBeDefined();
    const replica = await start({}, 2);
    await caughtUp(record, replica);
    expect(from(replica)).toMatchObject({ snapshot: null, rows: null });
    expect(logged.find(({ object, reason }) => object === manifest.object && reason)?.reason).toContain('exact');
    expect(await contents('engine-2')).toEqual(await fromTheFirstEvent(record));
  });

  it('reads the recorded inputs behind the snapshot at their positions: trainings, and a pinned ranker', async () => {
    const training = { training_content: true, training_first_events: 300, training_every_events: 100_000 };
    const engine = { ...training, training_rank: 8, training_follow_ms: 100, training_judged_events: 20 };
    const inputsOf = (one: RunningService) =>
      (one.status().model as { inputs: { sha256: string | null; challenged: boolean }[] }).inputs;
    const copies = async (): Promise<number> => {
      const store = await services.nc.jetstream().views.os('snapshots');
      return (await store.list()).filter(({ name, deleted }) => !deleted && name.startsWith('input-')).length;
    };
    const first = await start(engine);
    await publish(...books(), ...reading(400));
    await until(async () => (await copies()) === 1, { within: 60_000, what: 'the copy of a training' });
    await caughtUp(await publish(...reading(20, 400)), first);
    await stop(first);
    const older = await snapshot();
    expect(older.inputs).not.toBe('');
    const second = await start(engine);
    await publish(...reading(300, 420));
    await until(async () => (await copies()) === 2, { within: 60_000, what: 'the copy of a second training' });
    await ask('engine.rollback', { snapshot: older.object, reason: 'a test' }, { timeoutMs: 20_000 });
    await until(async () => (await copies()) === 3, { within: 60_000, what: 'the copy of a pin' });
    const seq = await publish(...reading(60, 720));
    await caughtUp(seq, second);
    expect(inputsOf(second)).toHaveLength(1);

    const behind = await start(engine, 2);
    await caughtUp(seq, behind);
    expect(from(behind)).toMatchObject({ snapshot: older.object, rows: { reached: older.seq } });
    await stop(second);
    const newest = await snapshot();
    expect(newest).toMatchObject({ seq, pinned: older.object, exact: true });
    const pinned = await start(engine, 3);
    await caughtUp(seq, pinned);
    expect(from(pinned)).toMatchObject({ snapshot: newest.object, rows: { reached: seq } });
    const plain = await start({ ...engine, start_from_snapshot: false }, 9);
    await caughtUp(seq, plain);
    const right = await contents('engine-9');
    expect(await contents('engine-2')).toEqual(right);
    expect(await contents('engine-3')).toEqual(right);
  });
});
