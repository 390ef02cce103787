/** A rebuilt projection takes over from one that goes on answering and learning. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { silent } from '../../../test/support/counting.ts';
import { codec, published, registered, viewed } from '../../../test/support/events.ts';
import { useServices } from '../../../test/support/services.ts';
import { until } from '../../../test/support/wait.ts';
import { rebuildable } from '../../cli/projections.ts';
import type { ModelHash } from '../../engine/lifecycle/rebuild.ts';
import type { Json } from '../nats/micro.ts';
import type { ServiceName } from '../projection/definition.ts';
import { projectionFiles, requestCutOver } from '../projection/files.ts';
import { createRebuild } from '../projection/rebuild.ts';
import { erasureKey } from '../streams/erasure-key.ts';
import { createServiceLog } from './log.ts';

const services = useServices('cut-over', {
  settings: {
    projection: { swap_look_ms: 20 },
    engine: { similar_interval_ms: 50, snapshot_interval_ms: 1_000, snapshot_events: 1_000_000 },
  },
});
const { start, stop, publish, ask } = services;

/** Folds a second projection from the log and orders that it take over. */
async function rebuild(service: ServiceName): Promise<number> {
  const { nc, publisher, data } = services;
  const config = services.config();
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
  const db = new Database(join(services.data, `${service}.sqlite`));
  db.exec(sql);
  db.close();
}

const taken = (service: ServiceName): Promise<true> =>
  until(() => !existsSync(projectionFiles(services.data, service).next), { within: 25_000 });

describe('a rebuilt projection', () => {
  it('is cut over to during requests, new events, and a wait for one of them', async () => {
    await start('user');
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
    const db = new Database(join(services.data, 'user.sqlite'), { readonly: true });
    const { n } = db.prepare('SELECT count(*) AS n FROM interaction').get() as { n: number };
    db.close();
    const { last_seq } = (await (await services.nc.jetstreamManager()).streams.info('EVENTS')).state;
    await ask('user.get', { user: 'u1', min_seq: last_seq });
    expect(n).toBe(last_seq - 1);
  });

  it('is cut over to at the next start if no service runs', async () => {
    const first = await start('user');
    const seq = await publish(registered('u1', { age: 41 }));
    await ask('user.get', { user: 'u1', min_seq: seq });
    await stop(first);
    await rebuild('user');
    damage('user', `UPDATE profile SET traits = '{"age":99}'`);
    await start('user');
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ traits: { age: 41 } });
    expect(existsSync(projectionFiles(services.data, 'user').next)).toBe(false);
  });

  it('gives the engine the model of the log, and no snapshot restores the old one', async () => {
    const engine = await start('engine');
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
    const again = await start('engine');
    await until(async () => (await ask<{ state: string }>('engine.status')).state === 'ready');
    await rebuild('engine');
    await taken('engine');
    await until(async () => !existsSync(projectionFiles(services.data, 'engine').image));
    expect(await ask<ModelHash>('engine.hash')).toEqual(right);
    const { items: list } = await ask<{ items: { item: string }[] }>('engine.recommend', { user: 'u1' });
    expect(list.map(({ item }) => item).sort()).toEqual(['d', 'e']);
    const snapshots = await (await services.nc.jetstream().views.os('snapshots')).list();
    expect(snapshots.filter(({ deleted }) => !deleted)).toHaveLength(1);
    await stop(again);
    await start('engine');
    expect(await ask<ModelHash>('engine.hash')).toEqual(right);
  });

  it('is made automatically after a change of settings, while the old rows still answer', async () => {
    const first = await start('user');
    const seq = await publish(registered('u1', { age: 41 }), viewed('u1', 'a'));
    await ask('user.get', { user: 'u1', min_seq: seq });
    const { fold_version: before } = await ask<{ fold_version: string }>('user.status');
    await stop(first);
    await start('user', { settings: { events: { declared: ['x_listened'] } } });
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ events: 1 });
    expect(await ask('user.status')).toMatchObject({ fold_version: before, rebuild: { done: expect.any(Number) } });
    await until(async () => (await ask<{ fold_version: string }>('user.status')).fold_version !== before, {
      within: 80_000,
    });
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ events: 1, traits: { age: 41 } });
    expect(await ask('user.status')).not.toHaveProperty('rebuild');
  });

  it('is taken when the process that the service started ends, without a poll for its file', async () => {
    const first = await start('user');
    const seq = await publish(registered('u1', { age: 41 }));
    await ask('user.get', { user: 'u1', min_seq: seq });
    const { fold_version: before } = await ask<{ fold_version: string }>('user.status');
    await stop(first);
    await start('user', {
      settings: { projection: { swap_look_ms: 3_600_000 }, events: { declared: ['x_listened'] } },
    });
    await until(async () => (await ask<{ fold_version: string }>('user.status')).fold_version !== before, {
      within: 80_000,
    });
    expect(existsSync(projectionFiles(services.data, 'user').next)).toBe(false);
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ traits: { age: 41 } });
    expect(await ask('user.status')).not.toHaveProperty('rebuild');
  });
});
