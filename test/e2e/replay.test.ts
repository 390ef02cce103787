/** Rebuild and comparison as an operator does them, on a system that runs. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { books, reading } from '../support/readers.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

interface VerifyAnswer {
  equal: boolean;
  services: {
    service: string;
    seq: number;
    live: string;
    rebuilt: string;
    first_difference?: { table: string; key: object; column: string; events: { seq: number }[] };
  }[];
}

const VIEWS = 300;

let system: TestSystem;
let trickle: NodeJS.Timeout;
const folder = makeTempDir('replay');

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'], env: { FRESHET_ENGINE_SNAPSHOT_INTERVAL_MS: '1000' } });
  await system.publish([...books(), ...reading(VIEWS)]);
  // It goes on while it is compared.
  let n = VIEWS;
  trickle = setInterval(() => void system.publish(reading(1, n++)).catch(() => {}), 200);
});
afterAll(async () => {
  clearInterval(trickle);
  expect(await system?.stop()).toBe(0);
  removeTempDir(folder);
});

describe('a system that runs', () => {
  it('equals a fold of its log, every service and the model', async () => {
    const { code, stdout, stderr } = await system.cli('verify', '--json');
    expect(code, stderr).toBe(0);
    const answer = JSON.parse(stdout) as VerifyAnswer;
    expect(answer.equal).toBe(true);
    expect(answer.services.map(({ service }) => service)).toEqual(['user', 'content', 'feedback', 'engine']);
    for (const { live, rebuilt, seq } of answer.services) {
      expect(live).toMatch(/^[0-9a-f]{64}$/);
      expect(rebuilt).toBe(live);
      expect(seq).toBeGreaterThan(VIEWS);
    }
  });

  it('with a changed value is found to differ, and repaired by a rebuild', async () => {
    const db = new Database(join(system.data, 'user.sqlite'));
    const { seq } = db.prepare('SELECT seq FROM interaction ORDER BY user, seq LIMIT 1').get() as { seq: number };
    db.prepare('UPDATE interaction SET item = ? WHERE seq = ?').run('not-this-one', seq);
    db.close();
    const found = await system.cli('verify', 'user', '--json');
    expect(found.code).toBe(1);
    const { equal, services } = JSON.parse(found.stdout) as VerifyAnswer;
    expect(equal).toBe(false);
    expect(services[0]?.first_difference).toMatchObject({
      table: 'interaction',
      column: 'item',
      live: 'not-this-one',
      events: [{ seq }],
    });
    const told = await system.cli('verify', 'user');
    expect(told.stdout).toContain('table interaction');
    expect(told.stderr).toContain('Next: freshet replay user');

    expect(await system.json('replay', 'user')).toMatchObject({ service: 'user', in_force: 'live' });
    expect((await system.cli('verify', 'user')).code).toBe(0);
  });

  it('is rebuilt from a snapshot of the model with --from-snapshot', async () => {
    await until(
      async () => (await system.ask<{ model: { snapshot: string | null } }>('engine.status')).model.snapshot,
      {
        within: 60_000,
      },
    );
    expect(await system.json('replay', 'engine', '--from-snapshot')).toMatchObject({
      in_force: 'live',
      snapshot: expect.stringMatching(/^model-/),
    });
    const { code, stdout } = await system.cli('verify', 'engine', '--json');
    expect(code, stdout).toBe(0);
    const short = await system.json<{ services: { model_from: { seq: number }; seq: number }[] }>(
      'verify',
      'engine',
      '--from-snapshot',
    );
    expect(short).toMatchObject({
      equal: true,
      services: [{ model_from: { snapshot: expect.stringMatching(/^model-/), seq: expect.any(Number) } }],
    });
    const [{ model_from: from, seq }] = short.services as [(typeof short.services)[0]];
    expect(from.seq).toBeGreaterThan(0);
    expect(from.seq).toBeLessThanOrEqual(seq);
    expect(await system.cli('verify', 'engine', '--from-snapshot', '1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('FRESHET_SNAPSHOT_UNFIT'),
    });
    expect(await system.cli('verify', 'user', '--from-snapshot')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has no snapshots'),
    });
    const other = join(folder, 'other.json');
    writeFileSync(other, JSON.stringify({ engine: { serve_unpublished: true } }));
    expect(await system.cli('replay', 'engine', '--from-snapshot', '--config', other)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /FRESHET_SNAPSHOT_UNFIT.*model-.* made under another configuration \(\w+ instead of \w+\).*\nNext: freshet replay engine/,
      ),
    });
    expect(await system.cli('replay', 'user', '--from-snapshot')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has no snapshots'),
    });
  });

  it('leaves an earlier state in a folder', async () => {
    const into = join(folder, 'earlier');
    expect(await system.json('replay', 'content', '--until-seq', '50', '--into', into)).toMatchObject({
      in_force: 'aside',
      seq: 50,
    });
    expect(existsSync(join(into, 'content.sqlite'))).toBe(true);
    const again = await system.cli('replay', 'content', '--until-seq', '50', '--into', into);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('FRESHET_USAGE') });
    const bare = await system.cli('replay', 'content', '--until-seq', '50');
    expect(bare).toMatchObject({ code: 2, stderr: expect.stringContaining('--into') });
    expect((await system.cli('replay', 'content', '--until-time', 'tuesday', '--into', into)).code).toBe(2);
    for (const bound of [
      ['--until-time', '2001-01-01T00:00:00Z'],
      ['--until-seq', '99999999'],
    ])
      expect(await system.cli('replay', 'user', ...bound, '--into', into)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/FRESHET_POSITION_UNKNOWN.*\nNext: name a sequence from 1 to \d+/),
      });
    expect(existsSync(join(into, 'user.sqlite'))).toBe(false);
  });
});
