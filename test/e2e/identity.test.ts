/** What the command line says of an event whose source and id belong to another event. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { viewed } from '../support/events.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'] });
});
afterAll(async () => {
  await system?.stop();
});

const TIME = '2026-11-23T10:00:00Z';
const at = (id: string, item: string) => viewed('u1', item, { id, time: TIME, source: 'shop' });
function file(name: string, events: readonly unknown[]): string {
  const path = join(system.data, name);
  writeFileSync(path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  return path;
}

describe('publish', () => {
  it('reports an event with a used source and id as rejected, and exits 1 if it stored none', async () => {
    const command = (item: string, ...more: string[]) =>
      ['publish', 'viewed', 'u1', '--item', item, '--id', 'p1', '--time', TIME, '--source', 'shop', ...more] as const;
    const { seq } = await system.json<{ seq: number }>(...command('i1'));
    expect(await system.json(...command('i1'))).toMatchObject({ accepted: 0, duplicates: 1, rejected: [], seq });
    const reused = await system.cli(...command('i2'));
    expect(reused.code).toBe(1);
    expect(reused.stderr).toMatch(/^FRESHET_IDENTITY_REUSED: event 1: /);
    expect(reused.stderr).toContain(`sequence ${seq}`);
    expect(reused.stderr).toContain('Next: publish the event under a new id');
    const answer = await system.cli(...command('i2', '--json'));
    expect(JSON.parse(answer.stdout)).toMatchObject({
      accepted: 0,
      duplicates: 0,
      rejected: [{ index: 0, code: 'FRESHET_IDENTITY_REUSED' }],
    });
    const among = file('among.jsonl', [at('p2', 'i1'), at('p1', 'i3'), at('p1', 'i1')]);
    expect(await system.json('publish', '--file', among)).toMatchObject({
      accepted: 1,
      duplicates: 1,
      rejected: [{ index: 1, code: 'FRESHET_IDENTITY_REUSED' }],
    });
  });
});

describe('import', () => {
  it('reports it whether the index of identities knows the earlier event or the server alone', async () => {
    const first = file('first.jsonl', [at('i1', 'a'), at('i2', 'b'), at('i1', 'c')]);
    // The second event under i1 follows the first within one import: no service has folded that one yet.
    const { stdout } = await system.cli('import', first, '--json');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.at(-1)).toMatchObject({ read: 3, published: 2, duplicates: 0, rejected: 1 });
    expect(lines[0]).toMatchObject({ rejected: { line: 3, code: 'FRESHET_IDENTITY_REUSED' } });

    const again = await system.cli('import', file('again.jsonl', [at('i1', 'a'), at('i2', 'other'), at('i3', 'd')]));
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toContain('1 published, 1 already in the log, 1 rejected');
    expect(again.stderr).toMatch(/FRESHET_IDENTITY_REUSED: \S*again\.jsonl:2: The log holds another event/);
  });
});

describe('dlq retry', () => {
  it('reports it if the corrected event has a used id', async () => {
    await system.ask('user.status');
    const bad = { ...at('d1', 'x'), data: { item: 7 } };
    const nc = await system.connect();
    const { seq } = await nc
      .jetstream()
      .publish('ev.user.u1.viewed', JSON.stringify(bad), { msgID: 'shop/d1' })
      .finally(() => nc.close());
    await system.ask('user.history', { user: 'u1', min_seq: seq, timeout_ms: 20_000 });
    const corrected = file('corrected.json', [at('p1', 'i9')]);
    const { code, stderr } = await system.cli('dlq', 'retry', 'user', String(seq), '--with', corrected);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^FRESHET_IDENTITY_REUSED: .*\nNext: publish the event under a new id/);
  });
});
