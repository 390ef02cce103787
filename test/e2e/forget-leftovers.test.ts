/** Forgetting while files of processes that died hold the user: done covers them, too. */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { history, useErasures } from '../support/erasures.ts';
import { registered, viewed } from '../support/events.ts';
import { ENTRY } from '../support/system.ts';
import { findTraces, traceLines } from '../support/traces.ts';
import { until } from '../support/wait.ts';

const { services, startAll, forget, status, done, expectEqualWithout } = useErasures('forget-leftovers');
const { publish, caughtUp } = services;
const USER = 'somebody-who-goes';
const TOWN = 'a-town-of-theirs';

const found = async (): Promise<string[]> =>
  traceLines(await findTraces([services.data, services.server.dir], [USER, TOWN]));
const file = (name: string): string => join(services.data, name);

/** A projection as a process leaves it that was killed: complete up to now. */
function leave(service: string, as: string, version?: string): void {
  const db = new Database(file(`${service}.sqlite`));
  db.prepare('VACUUM INTO ?').run(file(as));
  db.close();
  const copy = new Database(file(as));
  // A killed process leaves the write-ahead log, too.
  copy.pragma('user_version = 1');
  if (version !== undefined) copy.prepare('UPDATE checkpoint SET version = ?').run(version);
  copy.close();
}

async function startWithUser(): Promise<void> {
  await startAll();
  await caughtUp(await publish(...history(), registered(USER, { town: TOWN }), viewed(USER, 'a'), viewed(USER, 'b')));
}

describe('an erasure is done only when no file is left that holds the user', () => {
  it('of a rebuild that was killed, a copy, and a rebuild of another fold version', async () => {
    await startWithUser();
    leave('user', 'user.rebuild.sqlite');
    leave('feedback', 'feedback.copy.sqlite');
    leave('content', 'content.next.sqlite', 'another fold version');
    leave('engine', 'engine.next.sqlite', 'another fold version');
    writeFileSync(file('engine.next.model'), `the model of ${USER}`);
    await done((await forget(USER)).erasure);
    expect(await found()).toEqual([]);
    await expectEqualWithout(USER);
  });

  it('of a shadow that was killed', async () => {
    await startWithUser();
    leave('engine', 'engine-shadow.sqlite');
    const jsm = await services.nc.jetstreamManager();
    await jsm.consumers.add('EVENTS', { durable_name: 'engine-shadow', ack_policy: 'none' as never });
    await done((await forget(USER)).erasure);
    expect(await found()).toEqual([]);
    expect(existsSync(file('engine-shadow.sqlite'))).toBe(false);
    await expect(jsm.consumers.info('EVENTS', 'engine-shadow')).rejects.toThrow(/not found/);
  });

  it('of a shadow that runs, which begins again from an empty file', async () => {
    await startWithUser();
    const other = file('other.json');
    const engine = { training_content: false, ranker_rate: 0.3 };
    writeFileSync(other, JSON.stringify({ engine, erasure: { rebuild_after_ms: 50 }, nats: services.config().nats }));
    const args = ['shadow', 'run', '--config', other, '--data', services.data, '--nats', services.server.url];
    const child = spawn(process.execPath, [ENTRY, ...args], { stdio: 'ignore' });
    try {
      const ready = async () => (await services.ask<{ state: string }>('shadow.status')).state === 'ready';
      await until(ready, { within: 60_000 });
      expect((await found()).join()).toContain('engine-shadow.sqlite');
      await done((await forget(USER)).erasure);
      expect(await found()).toEqual([]);
      await until(ready, { within: 60_000 });
    } finally {
      await services.end(child);
    }
  });

  it('and names a dead shadow on another machine', async () => {
    await startWithUser();
    const jsm = await services.nc.jetstreamManager();
    await jsm.consumers.add('EVENTS', { durable_name: 'engine-shadow', ack_policy: 'none' as never });
    const { erasure } = await forget(USER);
    await until(async () =>
      (await status(erasure)).services.some(({ down }) => down?.includes('engine-shadow') === true),
    );
    expect((await services.runFreshet('replica', 'remove', 'engine-shadow')).stdout).toContain('engine-shadow');
    await done(erasure);
  });
});
