/** A rebuilt projection takes over from one that goes on answering and learning. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { NatsConnection } from 'nats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silent } from '../../../test/support/counting.ts';
import { codec, publishAll, published, registered, viewed } from '../../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { makeTempDir, removeTempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { rebuildable } from '../../cli/projections.ts';
import { completeConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { ModelHash } from '../../engine/lifecycle/rebuild.ts';
import { startEngine } from '../../engine/start.ts';
import { startUser } from '../../user/start.ts';
import { call, type Json } from '../nats/micro.ts';
import { createPublisher, type Publisher } from '../nats/publisher.ts';
import type { ServiceName } from '../projection/definition.ts';
import { projectionFiles, requestCutOver } from '../projection/files.ts';
import { createRebuild } from '../projection/rebuild.ts';
import { erasureKey } from '../streams/erasure-key.ts';
import type { RunningService, ServiceEnvironment } from './description.ts';
import { createServiceLog } from './log.ts';

const settings = {
  projection: {
    batch_wait_ms: 1,
    idle_check_ms: 100,
    check_interval_ms: 100,
    backoff_min_ms: 5,
    backoff_max_ms: 50,
    heartbeat_ms: 200,
    swap_look_ms: 20,
  },
  engine: { similar_interval_ms: 50, snapshot_interval_ms: 1_000, snapshot_events: 1_000_000 },
};
const config = completeConfig(settings);

let server: TestNatsServer;
let data: string;
let nc: NatsConnection;
let publisher: Publisher;
let running: RunningService[] = [];

beforeEach(async () => {
  server = await startNatsServer();
  data = makeTempDir('takeover');
  nc = await server.connect();
  publisher = createPublisher(nc);
});
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop();
  await publisher.close();
  await server.stop();
  removeTempDir(data);
});

type Start = (environment: ServiceEnvironment) => Promise<RunningService>;

async function start(service: Start, under: Config = config): Promise<RunningService> {
  const started = await service({ config: under, natsUrl: server.url, data, healthPort: 0, logger: silent });
  running.push(started);
  return started;
}

async function stop(service: RunningService): Promise<void> {
  running = running.filter((other) => other !== service);
  await service.stop();
}

const publish = (...events: unknown[]): Promise<number> => publishAll(publisher, events);

const ask = <T = Json>(subject: string, request: Json = {}): Promise<T> => call<T>(nc, `freshet.${subject}`, request);

/** Folds a second projection from the log and orders that it take over. */
async function rebuild(service: ServiceName): Promise<number> {
  const { definition, state, modelFold } = await rebuildable(service, config, await erasureKey(nc));
  const files = projectionFiles(data, service);
  const log = await createServiceLog({ nc, publisher, config, service });
  const second = await createRebuild({
    file: files.rebuild,
    definition,
    state,
    codec,
    log,
    consumer: `${service}-rebuild`,
    logger: silent,
    limits: { batchWaitMs: 1 },
    erasureKey: await erasureKey(nc),
  });
  const { seq } = await second.to();
  modelFold?.write(files.image, second.store, false);
  second.close();
  requestCutOver(files);
  return seq;
}

function damage(service: ServiceName, sql: string): void {
  const db = new Database(join(data, `${service}.sqlite`));
  db.exec(sql);
  db.close();
}

const taken = (service: ServiceName): Promise<true> =>
  until(() => !existsSync(projectionFiles(data, service).next), { within: 25_000 });

describe('a rebuilt projection', () => {
  it('is cut over to during requests, new events, and a wait for one of them', async () => {
    await start(startUser);
    const seq = await publish(registered('u1', { age: 41 }), viewed('u1', 'a'), viewed('u1', 'b'));
    await ask('user.get', { user: 'u1', min_seq: seq });
    damage('user', `UPDATE profile SET traits = '{"age":99}'`);
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ traits: { age: 99 } });

    let asking = true;
    let answered = 0;
    const asked = (async () => {
      while (asking) {
        await ask('user.history', { user: 'u1', n: 10 });
        answered++;
      }
    })();
    const acting = (async () => {
      for (let i = 0; asking; i++) {
        const mine = await publish(viewed('u1', `later${i}`));
        const { events } = await ask<{ events: { item: string }[] }>('user.history', {
          user: 'u1',
          n: 1,
          min_seq: mine,
          timeout_ms: 5_000,
        });
        expect(events[0]?.item).toBe(`later${i}`);
      }
    })();
    await rebuild('user');
    await taken('user');
    await until(async () => (await ask<{ traits: Json }>('user.get', { user: 'u1' })).traits.age === 41);
    asking = false;
    await Promise.all([asked, acting]);
    expect(answered).toBeGreaterThan(0);
    const db = new Database(join(data, 'user.sqlite'), { readonly: true });
    const { n } = db.prepare('SELECT count(*) AS n FROM interaction').get() as { n: number };
    db.close();
    const { last_seq } = (await (await nc.jetstreamManager()).streams.info('EVENTS')).state;
    await ask('user.get', { user: 'u1', min_seq: last_seq });
    expect(n).toBe(last_seq - 1);
  });

  it('is cut over to at the next start if no service runs', async () => {
    const first = await start(startUser);
    const seq = await publish(registered('u1', { age: 41 }));
    await ask('user.get', { user: 'u1', min_seq: seq });
    await stop(first);
    await rebuild('user');
    damage('user', `UPDATE profile SET traits = '{"age":99}'`);
    await start(startUser);
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ traits: { age: 41 } });
    expect(existsSync(projectionFiles(data, 'user').next)).toBe(false);
  });

  it('gives the engine the model of the log, and no snapshot restores the old one', async () => {
    const engine = await start(startEngine);
    const items = ['a', 'b', 'c', 'd', 'e'];
    const seq = await publish(
      ...items.map((item) => published(item)),
      ...['u1', 'u2', 'u3'].flatMap((user) => items.slice(0, 3).map((item) => viewed(user, item))),
    );
    await ask('engine.recommend', { user: 'u1', min_seq: seq });
    const right = await ask<ModelHash>('engine.hash');
    await stop(engine);
    // Snapshot and rows agree with each other, and not with the log.
    damage('engine', `UPDATE interaction SET item = 'e' WHERE item = 'c'`);
    const again = await start(startEngine);
    await until(async () => (await ask<{ state: string }>('engine.status')).state === 'ready');
    await rebuild('engine');
    await taken('engine');
    await until(async () => !existsSync(projectionFiles(data, 'engine').image));
    expect(await ask<ModelHash>('engine.hash')).toEqual(right);
    const { items: list } = await ask<{ items: { item: string }[] }>('engine.recommend', { user: 'u1' });
    expect(list.map(({ item }) => item).sort()).toEqual(['d', 'e']);
    const snapshots = await (await nc.jetstream().views.os('snapshots')).list();
    expect(snapshots.filter(({ deleted }) => !deleted)).toHaveLength(1);
    await stop(again);
    await start(startEngine);
    expect(await ask<ModelHash>('engine.hash')).toEqual(right);
  });

  it('is made automatically after a change of settings, while the old rows still answer', async () => {
    const first = await start(startUser);
    const seq = await publish(registered('u1', { age: 41 }), viewed('u1', 'a'));
    await ask('user.get', { user: 'u1', min_seq: seq });
    const { fold_version: before } = await ask<{ fold_version: string }>('user.status');
    await stop(first);
    await start(startUser, completeConfig({ ...settings, events: { declared: ['x_listened'] } }));
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ events: 1 });
    expect(await ask('user.status')).toMatchObject({ fold_version: before, rebuild: { done: expect.any(Number) } });
    await until(async () => (await ask<{ fold_version: string }>('user.status')).fold_version !== before, {
      within: 80_000,
    });
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ events: 1, traits: { age: 41 } });
    expect(await ask('user.status')).not.toHaveProperty('rebuild');
  });

  it('is taken when the process that the service started ends, without a poll for its file', async () => {
    const first = await start(startUser);
    const seq = await publish(registered('u1', { age: 41 }));
    await ask('user.get', { user: 'u1', min_seq: seq });
    const { fold_version: before } = await ask<{ fold_version: string }>('user.status');
    await stop(first);
    const unpolled = { ...settings.projection, swap_look_ms: 3_600_000 };
    await start(startUser, completeConfig({ ...settings, projection: unpolled, events: { declared: ['x_listened'] } }));
    await until(async () => (await ask<{ fold_version: string }>('user.status')).fold_version !== before, {
      within: 80_000,
    });
    expect(existsSync(projectionFiles(data, 'user').next)).toBe(false);
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ traits: { age: 41 } });
    expect(await ask('user.status')).not.toHaveProperty('rebuild');
  });
});
