/** Other settings, from trying them to going back, on a system that runs; live and rebuilt are equal. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RollbackAnswer, SnapshotsAnswer } from '../../src/engine/lifecycle/rollback.ts';
import type { PromoteAnswer, ShadowStatus } from '../../src/engine/lifecycle/shadow/start.ts';
import type { TestEvent } from '../support/events.ts';
import { books, reading } from '../support/readers.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

let system: TestSystem;
const folder = makeTempDir('shadow');
const other = join(folder, 'other.json');
/** Training takes its time from the test, and is not what is tried. */
const training = { FRESHET_ENGINE_TRAINING_CONTENT: 'false' };

/** Another type of event, so that the weights of types matter. */
const bought = (event: TestEvent): TestEvent => ({ ...event, type: 'user.purchased.v1' }) as TestEvent;

interface Status {
  model: { config: string };
  in_force: { act: { verb: string; snapshot: string } | null; pinned: string | null; file_differs: object };
}

beforeAll(async () => {
  writeFileSync(other, JSON.stringify({ engine: { weights: { 'user.viewed.v1': 48 }, ranker_rate: 0.3 } }));
  system = await startSystem({ args: ['--no-demo'], env: { FRESHET_SHADOW_EVERY: '2', ...training } });
  await system.publish([...books(), ...reading(400), ...reading(100, 400).map(bought)]);
});
afterAll(async () => {
  await system?.cli('shadow', 'stop');
  expect(await system?.stop()).toBe(0);
  removeTempDir(folder);
});

const shadow = (): Promise<ShadowStatus & { state: string; seq: number; current: boolean }> =>
  system.json('shadow', 'status');
/** It may just be starting. */
const status = (): Promise<Status> =>
  until(() => system.ask<Status>('engine.status', {}, { timeoutMs: 2_000 }), { within: 60_000 });

async function verified(): Promise<void> {
  const { code, stdout, stderr } = await system.cli('verify', 'engine', '--json');
  expect(code, `${stdout} ${stderr}`).toBe(0);
}

describe('other settings', () => {
  let first: string;
  let promoted: PromoteAnswer;

  it('are used by a shadow beside the system, and compared with those in force on the same events', async () => {
    first = (await status()).model.config;
    const started = await system.cli('shadow', 'start', '--config', other, '--json');
    expect(started.code, started.stderr).toBe(0);
    await until(async () => (await shadow()).state === 'ready', { within: 60_000 });
    const found = await shadow();
    expect(found).toMatchObject({ in_force: first, current: true, every: 2 });
    expect(Object.keys(found.settings)).toEqual(['ranker_rate', 'weights']);
    const { events, users, in_force, shadow: tried, difference } = found.compared;
    expect(events).toBeGreaterThan(100);
    expect(users).toBeGreaterThan(25);
    expect(in_force.hr).toBeGreaterThan(0);
    expect(difference.hr.mean).toBeCloseTo(tried.hr - in_force.hr, 9);
    expect(difference.hr.standard_error).toBeGreaterThan(0);
    expect(found.unpaired).toBeLessThan(events / 10);
    // It has shown nothing and moved nothing.
    expect((await status()).model.config).toBe(first);
  });

  it('answer requests to the shadow', async () => {
    const { code, stdout } = await system.cli('shadow', 'recommend', 'u1', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ source: 'model', snapshot: 'shadow' });
  });

  it('are refused if they are in force already, or if a shadow is running', async () => {
    const same = await system.cli('shadow', 'start');
    expect({ code: same.code, says: /already runs with these settings/.test(same.stderr) }).toEqual({
      code: 2,
      says: true,
    });
    const again = await system.cli('shadow', 'start', '--config', other);
    expect({ code: again.code, says: /is running/.test(again.stderr) }).toEqual({ code: 2, says: true });
  });

  it('come into force by an event, while requests are answered', async () => {
    let [asked, failed, over] = [0, 0, false];
    const asking = (async () => {
      while (!over) {
        const answer = await fetch(`${system.http}/v1/users/u2/recommendations?n=5`);
        asked++;
        if (answer.status !== 200) failed++;
      }
    })();
    promoted = await system.json<PromoteAnswer>('shadow', 'promote');
    over = true;
    await asking;
    expect({ failed, asked: asked > 10 }).toEqual({ failed: 0, asked: true });
    const { model, in_force } = await status();
    expect(model.config).toBe(promoted.config);
    expect(in_force).toMatchObject({ act: { verb: 'promoted', snapshot: promoted.snapshot }, pinned: null });
    expect(Object.keys(in_force.file_differs)).toEqual(['ranker_rate', 'weights']);
    expect(existsSync(join(system.data, 'engine-shadow.sqlite'))).toBe(false);
  });

  it('are in force also after a restart', async () => {
    system.kill('engine');
    await until(async () => (await status()).model.config === promoted.config, { within: 60_000 });
  });

  it('are rolled back to the previous ones, with their ranker, which no longer learns', async () => {
    const back = await system.json<RollbackAnswer>('rollback', '--reason', 'a test');
    expect(back).toMatchObject({ verb: 'rolled_back', config: first, state: 'in force' });
    // The pin counts from the next event on.
    await system.publish(reading(20, 500));
    await until(async () => (await status()).in_force.pinned === back.snapshot, { within: 20_000 });
    const { snapshots, acts } = await system.json<SnapshotsAnswer>('snapshots');
    expect(acts.map(({ verb, reason }) => [verb, reason])).toEqual([
      ['rolled_back', 'a test'],
      ['promoted', null],
    ]);
    expect(snapshots.some(({ object, unfit }) => object === back.snapshot && unfit === null)).toBe(true);
    // As of before, under the settings of then.
    const then = await system.json<{ config: string }>('at', '--seq', String(back.seq - 1), 'recommend', 'u1');
    expect(then.config).toBe(promoted.config);
  });

  it('pin weights that an erasure still reaches', async () => {
    const { code, stderr } = await system.cli('forget', 'u3', '--wait', '--json');
    expect(code, stderr).toBe(0);
    await verified();
    expect((await status()).in_force.pinned).not.toBeNull();
  });

  it('end: the file’s are in force, and the ranker learns again', async () => {
    const ended = await system.json<RollbackAnswer>('rollback', '--end');
    expect(ended).toMatchObject({ verb: 'promoted', config: first, state: 'in force' });
    const { in_force } = await status();
    expect(in_force).toMatchObject({ act: null, pinned: null, file_differs: {} });
    await verified();
    const again = await system.cli('rollback', '--end');
    expect({ code: again.code, says: /FRESHET_BAD_REQUEST/.test(again.stderr) }).toEqual({ code: 1, says: true });
  });

  it('are refused without such a snapshot', async () => {
    const { code, stderr } = await system.cli('rollback', 'model-of-nobody');
    expect({ code, says: /FRESHET_NOT_FOUND/.test(stderr) }).toEqual({ code: 1, says: true });
  });
});
