/**
 * A log that has lost messages in its middle and at its front: all services refuse it, and go on without the messages once
 * an operator has accepted the loss, each from a projection that a rebuild made from the shortened log.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SERVICES, type ServiceName } from '../../src/bus/projection/definition.ts';
import { projectionFiles } from '../../src/bus/projection/files.ts';
import type { LossView } from '../../src/bus/projection/log-gaps.ts';
import { openRecords } from '../../src/engine/artifacts/records.ts';
import { published, registered, viewed } from '../support/events.ts';
import { books, reading } from '../support/readers.ts';
import { useServices } from '../support/services.ts';
import { until } from '../support/wait.ts';

const services = useServices('accept-loss', {
  settings: { engine: { training_first_events: 200, training_every_events: 1_000_000, snapshot_events: 50 } },
});
const { start, stop, launch, end, publish, caughtUp, ask, runFreshet } = services;

const startAll = async (which: readonly ServiceName[] = SERVICES): Promise<void> => {
  await Promise.all(which.map((service) => start(service)));
};
const stopAll = async (): Promise<void> => {
  for (const { service } of services.running) await stop(service);
};
/** Deletes single messages as an operator or a fault of the server may. */
async function lose(...sequences: number[]): Promise<void> {
  const jsm = await services.nc.jetstreamManager();
  for (const seq of sequences) await jsm.streams.deleteMessage('EVENTS', seq);
}
const troubles = (): (string | undefined)[] =>
  services.running.map((one) => (one.status().trouble as { code?: string } | undefined)?.code);
const failed = async (...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  runFreshet(...words).then(
    () => Promise.reject(new Error(`${words.join(' ')} succeeded`)),
    (err: { code: number; stdout: string; stderr: string }) => err,
  );
const json = async <T>(...words: string[]): Promise<T> =>
  JSON.parse((await runFreshet(...words, '--json')).stdout.trim().split('\n').at(-1) as string) as T;
/** Positions and hashes of the trained inputs in the engine's file. */
function trained(): { trained_at: number; sha256: string }[] {
  const records = openRecords(projectionFiles(services.data, 'engine').live);
  try {
    return records?.list().map(({ trained_at, sha256 }) => ({ trained_at, sha256 })) ?? [];
  } finally {
    records?.close();
  }
}

/** Pid of the process that rebuilds a service; undefined: none does. */
function rebuildOf(service: ServiceName): number | undefined {
  try {
    const holder = readFileSync(join(services.data, `${service}.rebuild.holder.json`), 'utf8');
    const { pid } = JSON.parse(holder) as { pid: number };
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

describe('a log that has lost messages', () => {
  it('is refused, then accepted by an act: all services are rebuilt from it, and equal it', async () => {
    await startAll();
    const last = await publish(registered('gone', { age: 3 }), ...books(), ...reading(320), viewed('gone', 'i1'));
    await caughtUp(last);
    await until(() => trained().length > 0, { what: 'a training' });
    const [before] = trained();
    const ranking = (): Promise<{ seq: number } | undefined> => services.kvValue('rankings', 'user.u1');
    await until(ranking);
    expect(await ask('user.get', { user: 'gone' })).toMatchObject({ traits: { age: 3 } });
    await stopAll();
    // The front, a part of the middle, and the newest message: the end of the log stays where it is.
    await lose(1, 150, 151, 152, last);

    await startAll();
    await until(() => troubles().every((code) => code === 'FRESHET_LOG_PRUNED'), { within: 30_000 });
    for (const one of services.running) {
      expect(one.status().state).toBe('refusing');
      const { message, next } = one.status().trouble as { message: string; next: string };
      expect(message).toMatch(/starts at sequence 2\. Earlier messages are missing.*fence 0/);
      expect(next).toContain('freshet log accept-loss');
    }
    const check = await failed('log', 'check');
    expect(check.code).toBe(1);
    expect(check.stdout).toContain(`LOST: 5 sequences that no erasure explains: 1,150-152,${last}`);
    expect(check.stderr).toContain(`freshet log accept-loss --sequences 1,150-152,${last}`);

    // What is not missing, or not yet given out, is refused, and nothing is written without --yes.
    expect((await failed('log', 'accept-loss', '--sequences', '149-152', '--yes')).stderr).toMatch(
      /FRESHET_LOSS_REFUSED: Sequence 149 of EVENTS is not missing: it holds a message on ev\.user\..*\nNext: freshet log check/,
    );
    expect((await failed('log', 'accept-loss', '--sequences', `${last}-${last + 3}`, '--yes')).stderr).toMatch(
      new RegExp(`FRESHET_LOSS_REFUSED: The stream EVENTS ends at sequence ${last}, so sequence ${last + 3} is not`),
    );
    expect((await failed('log', 'accept-loss', '--sequences', '3-1')).code).toBe(2);
    expect((await runFreshet('log', 'accept-loss', '--sequences', `1,150-152,${last}`)).stderr).toContain(
      'Nothing has changed.',
    );
    // A part of the loss is not enough.
    await runFreshet('log', 'accept-loss', '--sequences', '1', '--yes');
    await until(
      () =>
        services.running.every((one) =>
          (one.status().trouble as { message?: string } | undefined)?.message?.includes(`Sequence ${last}`),
        ),
      { within: 30_000 },
    );
    const rest = ['log', 'accept-loss', '--sequences', `1,150-152,${last}`, '--reason', 'bad block', '--yes'];
    const act = await json<{ seq: number; messages: number; sequences: string }>(...rest);
    expect(act).toMatchObject({ messages: 4, sequences: `150-152,${last}`, seq: last + 2, accepted: true });

    await caughtUp(act.seq);
    // Every service was rebuilt, and none answered from the old rows before.
    for (const service of SERVICES)
      expect(
        services.logged.filter((line) => line.service === service && /has cut over/.test(`${line.msg}`)),
      ).toHaveLength(1);
    await expect(ask('user.get', { user: 'gone' })).rejects.toMatchObject({ problem: { status: 404 } });
    await until(async () => Number((await ranking())?.seq) >= act.seq, { what: 'the ranking is published again' });
    await until(() => trained().length > 0, { what: 'a new training' });
    const [after, ...others] = trained();
    expect(others).toEqual([]);
    expect(after?.trained_at).toBeGreaterThanOrEqual(act.seq);
    expect(after?.sha256).not.toBe(before?.sha256);
    // Neither does a copy of the old input stay, nor a snapshot of the model that held the lost messages.
    const store = await services.nc.jetstream().views.os('snapshots');
    const objects = async (prefix: string): Promise<string[]> =>
      (await store.list()).flatMap(({ name, deleted }) => (!deleted && name.startsWith(prefix) ? [name] : []));
    await until(async () => {
      const copies = await objects('input-');
      return copies.length === 1 && copies[0]?.includes(`-${after?.trained_at}-`);
    });
    await until(async () => (await objects('model-')).every((name) => Number(name.split('-')[1]) >= act.seq));
    await caughtUp(await publish(...reading(30, 400)));

    const verified = await json<{ equal: boolean; services: unknown[]; accepted_losses: LossView[] }>('verify');
    expect(verified.equal).toBe(true);
    expect(verified.services).toHaveLength(SERVICES.length);
    const losses = [
      expect.objectContaining({ sequences: '1', messages: 1 }),
      expect.objectContaining({ sequences: `150-152,${last}`, messages: 4, seq: act.seq, reason: 'bad block' }),
    ];
    expect(verified.accepted_losses).toEqual(losses);
    expect((await json<{ log: { accepted_losses: LossView[] } }>('status')).log.accepted_losses).toEqual(losses);
    expect((await runFreshet('status')).stdout).toContain(
      `lacks 4 messages, sequences 150-152,${last}: loss accepted at`,
    );
    const at = ['at', '--seq', `${act.seq}`, 'recommend', 'u1', '-n', '3'];
    expect(await json(...at)).toMatchObject({ accepted_losses: losses });
    expect((await runFreshet(...at)).stderr).toContain('the log lacks 4 messages');
    expect(await json('log', 'check', '--read')).toMatchObject({ lost: [], accepted_losses: losses });

    // The next start is an ordinary one.
    services.logged.length = 0;
    await stopAll();
    await startAll();
    await caughtUp(act.seq + 30);
    expect(services.logged.filter((line) => /rebuild|cut over/.test(`${line.msg}`))).toEqual([]);
    expect(await json('verify')).toMatchObject({ equal: true });
  });

  it('needs no rebuild of a service that was behind the lost messages', async () => {
    await startAll(['user', 'content']);
    await caughtUp(await publish(published('a'), registered('u1')));
    await stop('content');
    const last = await publish(viewed('u1', 'a'), viewed('u1', 'b'), viewed('u1', 'c'));
    await caughtUp(last);
    await stopAll();
    await lose(last - 1);
    await runFreshet('log', 'accept-loss', '--sequences', `${last - 1}`, '--yes');
    await startAll(['user', 'content']);
    await caughtUp(last + 1);
    const cutOvers = services.logged.filter((line) => /has cut over/.test(`${line.msg}`));
    expect(cutOvers.map(({ service }) => service)).toEqual(['user']);
    for (const service of ['user', 'content']) expect(await json('verify', service)).toMatchObject({ equal: true });
  });

  it('is rebuilt also if the service and its rebuild are killed in the middle', async () => {
    await startAll(['user']);
    const last = await publish(...Array.from({ length: 20_000 }, (_, i) => viewed(`u${i % 50}`, `i${i % 97}`)));
    await caughtUp(last);
    await stopAll();
    await lose(5_000, 5_001);
    await runFreshet('log', 'accept-loss', '--sequences', '5000-5001', '--yes');
    const { live, rebuild } = projectionFiles(services.data, 'user');
    const before = readFileSync(live);
    for (let kill = 1; kill <= 2; kill++) {
      const child = launch('user', { settings: { projection: { batch_max: 2 } } });
      const rebuilding = await until(() => rebuildOf('user'), { within: 60_000, what: 'the rebuild has begun' });
      await until(() => ask('user.status'), { within: 60_000, what: 'the service answers' });
      expect(await ask('user.status')).toMatchObject({
        state: 'rebuilding',
        trouble: { code: 'FRESHET_LOSS_ACCEPTED' },
      });
      await expect(ask('user.get', { user: 'u1' })).rejects.toMatchObject({
        problem: { status: 503, reason: 'FRESHET_LOSS_ACCEPTED' },
      });
      await until(() => existsSync(rebuild), { what: 'the rebuild has a file' });
      await end(child);
      process.kill(rebuilding, 'SIGKILL');
      await until(() => rebuildOf('user') === undefined);
    }
    expect(readFileSync(live).length).toBe(before.length);
    await startAll(['user']);
    await caughtUp(last + 1);
    expect(await json('verify', 'user')).toMatchObject({ equal: true });
    expect((await ask<{ events: number }>('user.get', { user: 'u1' })).events).toBeGreaterThan(0);
  });
});
