/** What a start of the engine comes to: from a snapshot, from the log, after being killed, with damaged snapshots. */
import { createHash } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RANKINGS } from '../../streams.config.ts';
import {
  codec,
  event,
  linked,
  patched,
  published,
  registered,
  retracted,
  viewed,
  withdrawn,
} from '../../test/support/events.ts';
import { metric, useServices } from '../../test/support/services.ts';
import { makeTempDir, removeTempDir } from '../../test/support/tempdir.ts';
import { until } from '../../test/support/wait.ts';
import { erasureHmac } from '../bus/event/erasure-hmac.ts';
import { createJetStreamLog } from '../bus/log/jetstream.ts';
import { withState } from '../bus/projection/after-commit.ts';
import { removeDatabase } from '../bus/projection/database.ts';
import { openStore } from '../bus/projection/store.ts';
import type { RunningService } from '../bus/service/description.ts';
import { erasureKey } from '../bus/streams/erasure-key.ts';
import { applyStreams } from '../bus/streams/plan.ts';
import type { Config } from '../config/schema.ts';
import type { CatchUpStatus } from './fold/catch-up.ts';
import { createModelFold } from './fold/model-fold.ts';
import { engineProjection, prepareTables } from './fold/projection.ts';
import type { Manifest } from './snapshots/manifest.ts';

const services = useServices('start', {
  settings: {
    // The engine writes a snapshot only when it stops.
    engine: {
      publish_rankings: true,
      snapshot_interval_ms: 3_600_000,
      snapshot_events: 1_000_000,
      snapshot_stall_ms: 300,
    },
  },
  publisher: { timeoutMs: 200, retries: 50 },
});
const { stop, publish, caughtUp, logged, launch, end, kvValue } = services;
const start = (engine: Partial<Config['engine']> = {}): Promise<RunningService> =>
  services.start('engine', { settings: { engine } });

const from = (engine: RunningService): CatchUpStatus => engine.status().started_from as CatchUpStatus;

async function pointer(): Promise<Manifest> {
  const manifest = await kvValue<Manifest>('engine', 'current');
  if (!manifest) throw new Error('there is no snapshot in force');
  return manifest;
}
const objects = () => services.nc.jetstream().views.os('snapshots');

/** SHA-256 of the state that the whole log gives without ever stopping. */
async function uninterrupted(engine: Partial<Config['engine']> = {}): Promise<string> {
  const config = services.config({ engine });
  const folder = makeTempDir('whole');
  const log = await createJetStreamLog(services);
  const { firstSeq, lastSeq } = await log.info();
  const store = withState(
    openStore({
      file: join(folder, 'e.sqlite'),
      definition: engineProjection({ config }),
      codec,
    }),
    () => memory,
  );
  const memory = createModelFold({ config, tables: prepareTables(store.db) });
  for (let seq = firstSeq as number; seq <= lastSeq; seq++) {
    const message = await log.at(seq as typeof firstSeq);
    if (message) store.commit([message], 'whole');
  }
  const state = memory.model.exportState();
  store.close();
  removeTempDir(folder);
  return createHash('sha256').update(state).digest('hex');
}

const UNUSABLE = 'the engine cannot read a snapshot and tries the one before it';

const catalogue = () => ['a', 'b', 'c', 'd', 'e'].map((item) => published(item, { tags: [item] }));
/** A history with events for which rows and model may differ in between: links, traits, retractions, patches. */
const story = (n: number, offset = 0) =>
  Array.from({ length: n }, (_, k) => {
    const i = offset + k;
    const user = `u${i % 13}`;
    if (i % 29 === 28) return linked(user, `s${i % 7}`);
    if (i % 31 === 30) return registered(user, { age: i % 90, likes: ['sea'] }, { id: `traits${i}` });
    if (i % 37 === 36) return retracted(user, { id: `traits${i - (i % 31) - 1}` });
    if (i % 41 === 40) return patched('a', { title: `Title ${i}` });
    return viewed(i % 5 === 4 ? `s${i % 7}` : user, `${'abcdefgh'[(i * 7) % 8]}`, { id: `view${i}` });
  });

describe('a start of the engine', () => {
  it('continues at once from the snapshot that it wrote when it stopped', async () => {
    const first = await start();
    const seq = await publish(...catalogue(), ...story(300));
    await caughtUp(seq);
    await stop(first);
    const manifest = await pointer();
    expect(manifest).toMatchObject({
      seq,
      events: expect.any(Number),
      marks: expect.any(Array),
      model: expect.any(Number),
    });
    expect(manifest.sha256).toBe(await uninterrupted());
    const second = await start();
    expect(second.status().seq).toBe(seq);
    expect(from(second)).toMatchObject({ snapshot: manifest.object, from: seq, to: seq });
    const last = await publish(...story(50, 300));
    await caughtUp(last);
    await stop(second);
    expect((await pointer()).sha256).toBe(await uninterrupted());
  });

  it('reads the log from its beginning without a snapshot, catches up meanwhile, and reaches the same model', async () => {
    const first = await start();
    const seq = await publish(...catalogue(), ...story(800));
    await caughtUp(seq);
    await stop(first);
    const { sha256 } = await pointer();
    await (await services.nc.jetstreamManager()).streams.delete('OBJ_snapshots');
    await (await services.nc.jetstreamManager()).streams.delete('KV_engine');
    const second = await start();
    expect(from(second)).toMatchObject({ snapshot: null, from: 0, to: seq });
    await caughtUp(seq);
    expect(await metric(second, 'freshet_model_recalled_events_total')).toBeGreaterThan(700);
    expect(logged.map(({ msg }) => msg)).toContain('the engine read the model from the log');
    await stop(second);
    expect((await pointer()).sha256).toBe(sha256);
  });

  it.each<[string, string, (object: string) => Promise<void>]>([
    [
      'its bytes are others',
      UNUSABLE,
      async (object) => {
        const store = await objects();
        const { description = '' } = (await store.info(object)) ?? {};
        await store.putBlob({ name: object, description }, Buffer.from('something else'));
      },
    ],
    [
      'a part of it is missing',
      UNUSABLE,
      async (object) => {
        const { nuid } = (await (await objects()).info(object)) as { nuid: string };
        await (await services.nc.jetstreamManager()).streams.purge('OBJ_snapshots', {
          filter: `$O.snapshots.C.${nuid}`,
        });
      },
    ],
    [
      'it is not there',
      'the snapshot in force is missing',
      async (object) => void (await (await objects()).delete(object)),
    ],
    [
      'its bytes match the manifest and are not a state',
      UNUSABLE,
      async (object) => {
        const store = await objects();
        const bytes = Buffer.from('FRSHMODL and then nothing');
        const { description = '' } = (await store.info(object)) ?? {};
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        await store.putBlob(
          { name: object, description: JSON.stringify({ ...JSON.parse(description), sha256, bytes: bytes.length }) },
          bytes,
        );
      },
    ],
  ])('uses the snapshot before the newest one if %s', async (_what, warning, damage) => {
    let seq = 0;
    const written: string[] = [];
    for (let round = 0; round < 2; round++) {
      const engine = await start();
      seq = await publish(...catalogue(), ...story(60, round * 60));
      await caughtUp(seq);
      await stop(engine);
      written.push((await pointer()).object);
    }
    await damage(written[1] as string);
    logged.length = 0;
    const engine = await start();
    await caughtUp(seq);
    expect(from(engine)).toMatchObject({ snapshot: written[0] });
    expect(logged.filter(({ object }) => object === written[1]).map(({ msg }) => msg)).toEqual([warning]);
    expect(await metric(engine, 'freshet_snapshots_unusable_total')).toBe(1);
    await stop(engine);
    // What was damaged is written again, good.
    const { object, sha256 } = await pointer();
    expect(sha256).toBe(await uninterrupted());
    expect(
      createHash('sha256')
        .update((await (await objects()).getBlob(object)) as Uint8Array)
        .digest('hex'),
    ).toBe(sha256);
  });

  it('skips the snapshots of another configuration, logs it, and writes its own', async () => {
    const first = await start();
    const seq = await publish(...catalogue(), ...story(60));
    await caughtUp(seq);
    await stop(first);
    const theirs = await pointer();
    const other = { popularity_bucket_ms: 3_600_000 };
    const second = await start(other);
    await caughtUp(seq);
    expect(from(second)).toMatchObject({ snapshot: null });
    expect(logged.find(({ object, reason }) => object === theirs.object && reason)?.reason).toContain(
      'another configuration',
    );
    await stop(second);
    const ours = await pointer();
    expect(ours.config).not.toBe(theirs.config);
    expect(ours.sha256).toBe(await uninterrupted(other));
    // How often snapshots are written is nothing that a state depends on.
    const third = await start({ ...other, snapshot_events: 77, snapshots_kept: 9 });
    expect(from(third)).toMatchObject({ snapshot: ours.object, from: seq });
  });

  it('folds the rows alone up to a snapshot that is newer than they are, as after a restored older copy of the rows', async () => {
    const first = await start();
    const early = await publish(...catalogue(), ...story(60));
    await caughtUp(early);
    await stop(first);
    copyFileSync(join(services.data, 'engine.sqlite'), join(services.data, 'copy'));
    const second = await start();
    const seq = await publish(...story(60, 60));
    await caughtUp(seq);
    await stop(second);
    const newest = await pointer();
    removeDatabase(join(services.data, 'engine.sqlite'));
    copyFileSync(join(services.data, 'copy'), join(services.data, 'engine.sqlite'));
    const third = await start();
    expect(from(third)).toMatchObject({ snapshot: newest.object, from: seq, rows: { from: early, to: seq } });
    await caughtUp(seq);
    await publish(viewed('u1', 'a'));
    await caughtUp(seq + 1);
    await stop(third);
    expect((await pointer()).sha256).toBe(await uninterrupted());
  });

  it('does not use a snapshot of a stream that was deleted and created again', async () => {
    const first = await start();
    await caughtUp(await publish(...catalogue(), ...story(60)));
    await stop(first);
    await (await services.nc.jetstreamManager()).streams.delete('EVENTS');
    await applyStreams(services.nc);
    removeDatabase(join(services.data, 'engine.sqlite'));
    const again = await publish(...catalogue(), viewed('u1', 'a'));
    const second = await start();
    await caughtUp(again);
    await stop(second);
    const third = await start();
    const { seq, sha256, object } = await pointer();
    expect(seq).toBe(again);
    expect(from(third)).toMatchObject({ snapshot: object });
    expect(sha256).toBe(await uninterrupted());
  });

  it('keeps the configured number of snapshots', async () => {
    for (let round = 0; round < 4; round++) {
      const engine = await start({ snapshots_kept: 2, snapshots_older: 0 });
      await caughtUp(await publish(...story(20, round * 20)));
      await stop(engine);
    }
    const left = (await (await objects()).list()).filter(({ deleted }) => !deleted);
    expect(left).toHaveLength(2);
    expect(left.map(({ name }) => name)).toContain((await pointer()).object);
  });
});

describe('an engine that is killed', () => {
  it('has after each restart the same state as without a kill, bit for bit', async () => {
    const engine = { snapshot_interval_ms: 1_000, snapshot_events: 150 };
    const status = async (): Promise<{ seq: number; state: string; started_from: CatchUpStatus }> =>
      (await services.nc.request('freshet.engine.status', '{}', { timeout: 500 })).json();
    let seq = await publish(...catalogue());
    const starts: CatchUpStatus[] = [];
    for (let round = 0; round < 4; round++) {
      const child = launch('engine', { settings: { engine } });
      starts.push((await until(status, { within: 30_000 })).started_from);
      // The engine is killed in the middle of the events; the second time after a snapshot.
      const sending = publish(...story(400, round * 400));
      const before = seq;
      await until(async () => (await status()).seq > before);
      if (round === 1) await until(pointer, { within: 20_000 });
      await end(child);
      seq = await sending;
    }
    const child = launch('engine', { settings: { engine } });
    const at = await until(
      async () => {
        const now = await status();
        return now.seq === seq && now.state === 'ready' && now;
      },
      { within: 30_000 },
    );
    starts.push(at.started_from);
    await end(child, 'SIGTERM');
    const { sha256, seq: held } = await pointer();
    expect(held).toBe(seq);
    expect(sha256).toBe(await uninterrupted(engine));
    expect(starts.filter(({ snapshot }) => snapshot !== null).length).toBeGreaterThan(0);
  });
});

it('the engine publishes the lists of similar items of a whole catalogue once no events arrive, however few it publishes before', async () => {
  const ITEMS = 40;
  // As many intervals as there are items would be long past the limit.
  await start({ similar_batch: 1, similar_interval_ms: 4_000 });
  const items = Array.from({ length: ITEMS }, (_, i) => `s${i}`);
  await publish(...items.map((item) => published(item)), ...items.map((item) => viewed('u1', item)));
  const rankings = await services.nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true });
  const count = async (): Promise<number> => {
    let found = 0;
    for await (const _ of await rankings.keys('similar.>')) found++;
    return found;
  };
  await until(async () => (await count()) === ITEMS, { within: 60_000, what: `${ITEMS} lists of similar items` });
});

it('the ranking of a user whose events and erasure come in one batch is not published', async () => {
  // What comes within two seconds of a transaction waits for the next one.
  const engine = await start({ batch_rest_ms: 2_000 });
  const rankings = (): { users: number; written_here: boolean } =>
    engine.status().rankings as { users: number; written_here: boolean };
  await until(() => rankings().written_here);
  const before = await publish(...catalogue());
  await caughtUp(before);
  const erased = { hmac: erasureHmac(await erasureKey(services.nc), 'gone'), fence: before + 2 };
  const seq = await publish(
    viewed('u1', 'a'),
    viewed('gone', 'a'),
    event('control.erased.v1', 'act', erased),
    viewed('u2', 'b'),
  );
  await caughtUp(seq);
  const kv = await services.nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true });
  for (const user of ['u1', 'u2']) await until(async () => (await kv.get(`user.${user}`)) !== null);
  await until(() => rankings().users === 0);
  expect(await kv.get('user.gone')).toBeNull();
});

describe('lists of similar items that were due when the engine stopped', () => {
  /** No list of similar items is published in the time that a test takes, or all of them at once. */
  const LATE = { similar_interval_ms: 3_600_000 };
  const SOON = { similar_interval_ms: 50 };
  const ITEMS = ['a', 'b', 'c', 'd', 'e'];
  const publishedAt = async (item: string): Promise<number> =>
    (await kvValue<{ seq: number }>(RANKINGS.name, `similar.${item}`))?.seq ?? 0;
  const arePublished = (items: readonly string[], seq: number): Promise<boolean> =>
    until(async () => Math.min(...(await Promise.all(items.map(publishedAt)))) >= seq, {
      within: 5_000,
      what: `lists similar to ${items} at ${seq}`,
    });
  const rankedAt = (user: string, seq: number): Promise<boolean> =>
    until(async () => ((await kvValue<{ seq: number }>(RANKINGS.name, `user.${user}`))?.seq ?? 0) >= seq, {
      within: 20_000,
    });

  it('are published when it starts again, if none was published before', async () => {
    const first = await start(LATE);
    const seq = await publish(...catalogue(), viewed('u1', 'a'), viewed('u2', 'b'));
    await caughtUp(seq);
    await rankedAt('u2', seq);
    await stop(first);
    expect(await publishedAt('a')).toBe(0);
    await caughtUp(seq, await start(SOON));
    await arePublished(ITEMS, seq);
  });

  it('are published when it starts again, and no others', async () => {
    const first = await start(SOON);
    const before = await publish(...catalogue(), viewed('u1', 'a'));
    await caughtUp(before);
    await arePublished(ITEMS, before);
    const said = await until(async () => {
      const trending = await kvValue<{ settled_similar?: number }>(RANKINGS.name, 'trending');
      return (trending?.settled_similar ?? 0) >= before && trending;
    });
    expect(said.settled_similar).toBe(before);
    await stop(first);
    const second = await start(LATE);
    // One is viewed; the content of another is changed, which no row of the engine has a position of.
    const seq = await publish(patched('b', { title: 'Another' }), viewed('u2', 'c'));
    await caughtUp(seq);
    await rankedAt('u2', seq);
    await stop(second);
    expect(await publishedAt('b')).toBe(before);
    const third = await start(SOON);
    await caughtUp(seq);
    await arePublished(['b', 'c'], seq);
    await until(() => (third.status().rankings as { items: number }).items === 0);
    expect(await Promise.all(['a', 'd', 'e'].map(publishedAt))).toEqual([before, before, before]);
  });

  it('are published when only the content of items had changed since', async () => {
    const first = await start(SOON);
    const before = await publish(...catalogue(), viewed('u1', 'a'));
    await caughtUp(before);
    await arePublished(ITEMS, before);
    await stop(first);
    const second = await start(LATE);
    const seq = await publish(withdrawn('d'), patched('b', { title: 'Another' }), viewed('u2', 'c'));
    await caughtUp(seq);
    await stop(second);
    await caughtUp(seq, await start(SOON));
    await arePublished(['b', 'c', 'd'], seq);
  });
});
