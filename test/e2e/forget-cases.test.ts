/** Forgetting where things go wrong on the way: whatever happens, all ends in the state that the purged log gives. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeToken } from '../../src/bus/event/ids.ts';
import { compareVersions } from '../../src/bus/nats/connection.ts';
import { SERVICES, type ServiceName } from '../../src/bus/projection/definition.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { RANKINGS } from '../../streams.config.ts';
import { history, ITEMS, useErasures } from '../support/erasures.ts';
import { clicked, linked, outgoing, registered, retracted, viewed } from '../support/events.ts';
import { metric } from '../support/services.ts';
import { findTraces, traceLines } from '../support/traces.ts';
import { until } from '../support/wait.ts';

const { services, startAll, forget, status, done, expectEqualWithout } = useErasures('forget-cases');
const { start, stop, publish, caughtUp, ask, subjects } = services;

describe('a user is forgotten', () => {
  it('while events of the user arrive, and a session is linked', async () => {
    await startAll();
    await caughtUp(await publish(...history()));
    let stopped = false;
    let behind = 0;
    const arriving = (async () => {
      for (let i = 0; !stopped; i++) behind = await publish(viewed('u1', ITEMS[i % 6] as string), viewed('u2', 'b'));
    })();
    // Asked for before anybody has folded the link.
    await publish(viewed('s2', 'f'), linked('u1', 's2'));
    const { erasure } = await forget('u1');
    const record = await until(async () => {
      const { acts } = await status(erasure);
      return acts.length === 3 && acts.every(({ seq }) => seq > 0) && Math.max(...acts.map(({ seq }) => seq));
    });
    await until(() => behind > record + 20);
    stopped = true;
    await arriving;
    await done(erasure);
    await caughtUp(behind);
    for (const id of ['s1', 's2']) expect(await subjects(`ev.user.${id}.>`)).toEqual([]);
    // What came behind the record is a new user's.
    expect(await ask<{ traits: object }>('user.get', { user: 'u1' })).toMatchObject({ traits: {} });
    await done((await forget('u1')).erasure);
    await expectEqualWithout('u1', 's1', 's2');
  });

  it('in slices, while the services answer others and a new life of the same id', async () => {
    const settings = { erasure: { slice_events: 2, slice_rest: 100 } };
    const running = [];
    for (const service of SERVICES) running.push(await start(service, { settings }));
    const views = Array.from({ length: 200 }, (_, i) => viewed('u1', ITEMS[i % 6] as string));
    await caughtUp(await publish(...history(), ...views));
    const { erasure } = await forget('u1');
    const refusal = { problem: { status: 503, code: 'FRESHET_ERASURE_UNDER_WAY' } };
    for (const service of ['user', 'engine'])
      await until(async () => (await ask<{ erasing?: boolean }>(`${service}.status`)).erasing);
    await expect(ask('engine.hash')).rejects.toMatchObject(refusal);
    await expect(ask('user.held', { user: 'u1', part: 'identity' })).rejects.toMatchObject(refusal);
    await expect(ask('user.get', { user: 'u1' })).rejects.toMatchObject({ problem: { code: 'FRESHET_NOT_FOUND' } });
    expect((await status(erasure)).services.map(({ state }) => state)).toContain('waiting');
    const seq = await publish(viewed('u1', 'b'), viewed('u2', 'f'));
    expect(await ask('engine.recommend', { user: 'u2', n: 3, min_seq: seq })).toMatchObject({ user: 'u2' });
    expect(await ask('user.get', { user: 'u1', min_seq: seq })).toMatchObject({ events: 1 });
    expect((await ask<{ erasing?: boolean }>('engine.status')).erasing).toBe(true);
    await done(erasure);
    for (const one of running) expect(await metric(one, 'freshet_erasure_slice_seconds_count')).toBeGreaterThan(50);
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ events: 1 });
    await expectEqualWithout('s1');
  });

  it('by services that are done while nats-server still overwrites messages, and one rebuild follows', async () => {
    const settings = { erasure: { rebuild_after_ms: 0 } };
    for (const service of SERVICES) await start(service, { settings });
    // From 2.12 on the server writes a whole block again for each of them.
    const views = Array.from({ length: 2_000 }, (_, i) => viewed('u1', ITEMS[i % 6] as string));
    await caughtUp(await publish(...history(), ...views));
    const { erasure } = await forget('u1');
    const early = await until(
      async () => {
        const entry = await status(erasure);
        return entry.services.every(({ state }) => state !== 'waiting') && entry;
      },
      { within: 60_000 },
    );
    // Older servers overwrite in place, and may be done by then.
    if (compareVersions(services.nc.info?.version ?? '', '2.12.0') >= 0) expect(early.state).toBe('purging');
    for (let engine = await ask('engine.status'); (await status(erasure)).state === 'purging'; ) {
      expect(engine).not.toHaveProperty('rebuild');
      engine = await ask('engine.status');
    }
    await done(erasure);
    await expectEqualWithout('u1', 's1');
  });

  it('and whose ranking nats-server brings back after the purge, as a killed one may', async () => {
    for (const service of SERVICES) await start(service, { settings: { erasure: { server_index_ms: 5_000 } } });
    await caughtUp(await publish(...history()));
    const kv = await services.nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true });
    const before = await until(() => kv.get('user.u1'));
    const other = await until(() => kv.get('user.u2'));
    const { erasure } = await forget('u1');
    await until(async () => (await status(erasure)).state === 'rebuilding');
    expect(await kv.get('user.u1')).toBeNull();
    await kv.put('user.u1', before.value);
    await done(erasure);
    expect(await kv.get('user.u1')).toBeNull();
    expect((await kv.get('user.u2'))?.json()).toMatchObject({ user: other.json<{ user: string }>().user });
  });

  it('whom the log never held, without a wait for the index of the server', async () => {
    for (const service of SERVICES) await start(service, { settings: { erasure: { server_index_ms: 600_000 } } });
    await caughtUp(await publish(...history()));
    const { messages } = await done((await forget('nobody')).erasure);
    expect(messages).toMatchObject({ removed: 0, total: 0 });
    expect(traceLines(await findTraces([services.data, services.server.dir], ['nobody']))).toEqual([]);
    const { erasure } = await forget('u1');
    await until(async () => (await status(erasure)).services.every(({ state }) => state === 'exact'));
    // The server's index may still name u1.
    expect((await status(erasure)).state).toBe('rebuilding');
  });

  it('whose id a link of another user names: the link goes with them, and its second copy too', async () => {
    await startAll();
    const link = linked('u2', 'u1', { id: 'a-link-to-u1' });
    await publish(...history(), link, retracted('u3', { id: 'an-event-of-u1' }));
    // The same event once more, as after the window in which the server drops repeated messages.
    const { subject, payload } = outgoing(link);
    await services.nc.jetstream().publish(subject, payload);
    await caughtUp(
      await publish(viewed('u1', 'a', { id: 'an-event-of-u1' }), retracted('u2', { id: 'an-event-of-u1' })),
    );
    await done((await forget('u1')).erasure);
    await expectEqualWithout('u1', 's1');
    expect(await subjects('ev.user.u2.linked')).toEqual([]);
    expect(await subjects('ev.user.u2.retracted')).toEqual([]);
    expect(await ask('user.get', { user: 'u2' })).toMatchObject({ user: 'u2', sessions: [] });
    // Nothing of the user is left, and the second erasure ends too.
    await done((await forget('u1')).erasure);
    await expectEqualWithout('u1', 's1');
  });

  it('and no file of a service or of nats-server holds a byte of theirs, when it is done and after a stop', async () => {
    const traces = [
      'Zoë who goes/1',
      'a-session=of theirs',
      'an-id-of-theirs',
      'a town of "theirs"',
      'a reason of theirs',
    ];
    const [user, session, id, town, reason] = traces as [string, string, string, string, string];
    const found = async (): Promise<string[]> =>
      traceLines(await findTraces([services.data, services.server.dir], traces));
    await startAll();
    await publish(...history(), registered(user, { town }));
    // Between the events of others, so that SQLite moves rows from page to page.
    for (let n = 0; n < 300; n += 10)
      await publish(
        ...Array.from({ length: 10 }, (_, i) => i + n).flatMap((n) => [
          viewed(user, ITEMS[n % 6] as string, { id: `${id}-${n}` }),
          viewed(`u${n % 5}`, ITEMS[n % 5] as string),
        ]),
      );
    const bad = { ...outgoing(viewed(user, 'a', { id: `${id}-bad` })), payload: Buffer.from(`{"bad":"${reason}"}`) };
    await services.publisher.publish(bad);
    await caughtUp(await publish(viewed(session, 'a', { id }), linked(user, session), clicked(user, 'b')));
    await until(() => services.kvValue('rankings', `user.${encodeToken(user)}`));
    expect(await found()).not.toEqual([]);
    await done((await forget(user)).erasure);
    expect(await found()).toEqual([]);
    await expectEqualWithout(user, session);
    for (const service of SERVICES) await stop(service);
    expect(await found()).toEqual([]);
    await services.server.restart('SIGTERM');
    expect(await found()).toEqual([]);
  });

  it('while a service is down, and another has a replica', async () => {
    await start('user');
    await start('user', { replica: 2 });
    await start('content');
    await start('feedback');
    await caughtUp(await publish(...history()));
    const { erasure } = await forget('u1');
    await until(async () => (await status(erasure)).services.filter(({ state }) => state === 'exact').length === 3);
    expect((await status(erasure)).services).toContainEqual({ service: 'engine', state: 'waiting', at: null });
    await start('engine');
    expect((await done(erasure)).services.map(({ state }) => state)).toEqual(Array(4).fill('exact'));
    await expectEqualWithout('u1', 's1');
  });

  it('while a replica is down: the erasure waits until it is back or removed', async () => {
    await startAll();
    await start('user', { replica: 2 });
    await start('engine', { replica: 2 });
    await caughtUp(await publish(...history()));
    for (const replica of ['user-2', 'engine-2']) await stop(replica);
    const { erasure } = await forget('u1');
    const stepOf = async (service: ServiceName) =>
      (await status(erasure)).services.find((step) => step.service === service);
    await until(async () => (await stepOf('content'))?.state === 'exact');
    await until(async () => (await stepOf('engine'))?.down !== undefined);
    expect(await stepOf('user')).toEqual({ service: 'user', state: 'waiting', at: null, down: ['user-2'] });
    expect(await stepOf('engine')).toEqual({ service: 'engine', state: 'waiting', at: null, down: ['engine-2'] });
    await start('user', { replica: 2 });
    await until(async () => (await stepOf('user'))?.state === 'exact');
    expect((await status(erasure)).state).toBe('folding');
    await expect(services.runFreshet('replica', 'remove', 'user-2')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('FRESHET_REPLICA_RUNNING'),
    });
    expect((await services.runFreshet('forget', '--status', erasure)).stderr).toContain(
      'freshet replica remove engine-2',
    );
    for (const [name, code, said] of [
      ['engine', 2, 'FRESHET_USAGE'],
      ['engine-1', 2, 'FRESHET_USAGE'],
      ['engine-9', 1, 'FRESHET_NOT_FOUND'],
    ] as const)
      await expect(services.runFreshet('replica', 'remove', name)).rejects.toMatchObject({
        code,
        stderr: expect.stringContaining(said),
      });
    const removed = JSON.parse((await services.runFreshet('replica', 'remove', 'engine-2', '--json')).stdout);
    expect(removed).toMatchObject({ replica: 'engine-2', consumers: ['engine-projection-2'] });
    expect(removed.files).toContain(join(services.data, 'engine-2.sqlite'));
    expect(readdirSync(services.data).filter((name) => name.startsWith('engine-2.sqlite'))).toEqual([]);
    for (const step of (await done(erasure)).services) expect(step).toMatchObject({ state: 'exact' });
    expect(await stepOf('engine')).not.toHaveProperty('down');
    await expectEqualWithout('u1', 's1');
  });

  it('before a backup of the stream is restored that still contains the user', async () => {
    const messages = [...history(), linked('u2', 'u1')].map(outgoing);
    await startAll();
    for (const message of messages) await services.publisher.publish(message);
    await caughtUp(messages.length);
    const { erasure } = await forget('u1');
    await done(erasure);
    for (const service of SERVICES) await stop(service);
    await (await services.nc.jetstreamManager()).streams.delete('EVENTS');
    for (const service of SERVICES) rmSync(join(services.data, `${service}.sqlite`));
    await applyStreams(services.nc, { onlyMissing: true });
    for (const message of messages) await services.publisher.publish(message);
    expect(await subjects('ev.user.u1.>')).not.toEqual([]);
    await startAll();
    await until(async () => (await subjects('ev.user.u1.>')).length === 0, { within: 30_000 });
    await until(async () => (await subjects('ev.user.u2.linked')).length === 0, { within: 30_000 });
    expect((await done(erasure)).services.map(({ state }) => state)).toEqual(Array(4).fill('exact'));
    await expectEqualWithout('u1', 's1');
  });

  it('by a deadline that the erasure shows, and is overdue after it', async () => {
    const user = await start('user', { settings: { erasure: { deadline_ms: 1_000 } } });
    await caughtUp(await publish(...history()));
    const begun = await forget('u1');
    expect(Date.parse(begun.deadline) - Date.parse(begun.requested)).toBe(1_000);
    expect(begun.overdue).toBe(false);
    await until(async () => (await status(begun.erasure)).overdue);
    await until(async () => (await metric(user, 'freshet_erasures_overdue')) === 1);
    expect(await metric(user, 'freshet_erasures_open')).toBe(1);
    for (const service of ['content', 'feedback', 'engine'] as const) await start(service);
    expect(await done(begun.erasure)).toMatchObject({ state: 'done', overdue: true });
    await until(async () => (await metric(user, 'freshet_erasures_open')) === 0);
    expect(await metric(user, 'freshet_erasure_seconds_count')).toBe(1);
  });
});
