/** An import counts each row once, however its files are grouped, and knows what older builds imported. */
import { mkdirSync, writeFileSync } from 'node:fs';
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

interface Result {
  read: number;
  published: number;
  duplicates: number;
  rejected: number;
}

/** Two exports of a user's views; the first is a part of the second. */
function exportsOf(user: string): { mar: string; apr: string; folder: string } {
  const folder = join(system.data, user);
  mkdirSync(folder);
  const [mar, apr] = [join(folder, 'views-mar.csv'), join(folder, 'views-apr.csv')];
  const rows = [`${user},x1,1704067200`, `${user},x2,1704067300`, `${user},x3,1706745600`];
  writeFileSync(mar, `user_id,item_id,timestamp\n${rows.slice(0, 2).join('\n')}\n`);
  writeFileSync(apr, `user_id,item_id,timestamp\n${rows.join('\n')}\n`);
  return { mar, apr, folder };
}

const importing = (path: string): Promise<Result> => system.json<Result>('import', path);

describe('rows that several files hold', () => {
  it('count once, one file after the other and together', async () => {
    const { mar, apr, folder } = exportsOf('ann');
    expect(await importing(mar)).toMatchObject({ read: 2, published: 2, duplicates: 0 });
    expect(await importing(apr)).toMatchObject({ read: 3, published: 1, duplicates: 2 });
    expect(await importing(folder)).toMatchObject({ read: 5, published: 0, duplicates: 5, rejected: 0 });
  });

  it('are reported by the import of both', async () => {
    const { stdout, stderr } = await system.cli('import', exportsOf('dan').folder);
    expect(stdout).toContain('5 rows read: 3 published, 2 already in the log, 0 rejected');
    expect(stderr).toContain('views-mar.csv: the row is in views-apr.csv too and counts once, in 2 rows');
  });
});

/** What older builds published for these files: source, id, item, time. */
const OLD = {
  together: [
    ['import-views', 'viewed-eac851e0ca9a5e2d72348818', 'x1', '2024-01-01T00:00:00.000Z'],
    ['import-views', 'viewed-cf8277f66cef58d9afb0fa58', 'x1', '2024-01-01T00:00:00.000Z'],
    ['import-views', 'viewed-3d1df1b9aace94bd7595178e', 'x2', '2024-01-01T00:01:40.000Z'],
    ['import-views', 'viewed-a2fa1f8c6d381f8f9fb098cc', 'x2', '2024-01-01T00:01:40.000Z'],
    ['import-views', 'viewed-67e1fc45bfb099cd87bac4f9', 'x3', '2024-02-01T00:00:00.000Z'],
  ],
  apart: [
    ['import-views-mar', 'viewed-309ff9133459a93f77c5c1d7', 'x1', '2024-01-01T00:00:00.000Z'],
    ['import-views-mar', 'viewed-a5dbb14ecde63e61e5bdc7b0', 'x2', '2024-01-01T00:01:40.000Z'],
    ['import-views-apr', 'viewed-309ff9133459a93f77c5c1d7', 'x1', '2024-01-01T00:00:00.000Z'],
    ['import-views-apr', 'viewed-a5dbb14ecde63e61e5bdc7b0', 'x2', '2024-01-01T00:01:40.000Z'],
    ['import-views-apr', 'viewed-ab401e2b33526149bdc116e2', 'x3', '2024-02-01T00:00:00.000Z'],
  ],
} as const;

describe('data that an older build imported', () => {
  it.each([
    ['together', 'bea'],
    ['apart', 'cara'],
  ] as const)('%s is there, whether its files are imported together or apart', async (how, user) => {
    const events = OLD[how].map(([source, id, item, time]) => viewed(user, item, { source, id, time }));
    await system.publish(events);
    const { mar, apr, folder } = exportsOf(user);
    expect(await importing(folder)).toMatchObject({ read: 5, published: 0, duplicates: 5 });
    expect(await importing(apr)).toMatchObject({ read: 3, published: 0, duplicates: 3 });
    expect(await importing(mar)).toMatchObject({ read: 2, published: 0, duplicates: 2 });
  });

  it('is not asked for under a source that the user names', async () => {
    const { stdout } = await system.cli('import', exportsOf('eva').folder, '--source', 'shop');
    expect(stdout).toContain('3 published');
    const again = await system.cli('import', join(system.data, 'eva'), '--source', 'shop');
    expect(again.stdout).toContain('0 published');
  });
});

describe('old history behind live events', () => {
  it('is reported with the number of users and what it means, once', async () => {
    await system
      .ask('user.history', { user: 'fay', min_seq: await system.publish([viewed('fay', 'x9')]) })
      .catch(() => {});
    const { mar } = exportsOf('fay');
    const first = await system.cli('import', mar);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stderr).toContain('1 of 1 users that the import asked about have newer events in the log.');
    expect((await system.cli('import', mar)).stderr).not.toContain('newer events');
    expect((await system.cli('import', exportsOf('gil').mar)).stderr).not.toContain('newer events');
  });
});
