/** An import of a catalogue brings the content service to the state of the files, and publishes nothing else. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSourceLease } from '../../src/import/sync/lease.ts';
import { published, withdrawn } from '../support/events.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'], env: { FRESHET_IMPORT_LEASE_MS: '2000' } });
});
afterAll(async () => {
  await system?.stop();
});

interface Result {
  read: number;
  published: number;
  duplicates: number;
  rejected: number;
  catalogue: Record<'new' | 'changed' | 'unchanged' | 'restored' | 'withdrawn', number>;
}
interface Item {
  item: string;
  available: boolean;
  title: string;
  attributes?: Record<string, unknown>;
}
type Price = number | string;

/** Writes a catalogue of items with prices; a folder of its own gives each test a name of its data. */
function catalogue(name: string, prices: Readonly<Record<string, Price>>): string {
  const folder = join(system.data, 'exports');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.csv`);
  const rows = Object.entries(prices).map(([item, price]) => `${item},Title of ${item},${price}`);
  writeFileSync(file, `item_id,title,price\n${rows.join('\n')}\n`);
  return file;
}

const importing = (file: string, ...options: string[]): Promise<Result> =>
  system.json<Result>('import', file, ...options);

/** The state of items once content has folded what the import published. */
async function held(...items: string[]): Promise<Item[]> {
  const nc = await system.connect();
  try {
    const { state } = await (await nc.jetstreamManager()).streams.info('EVENTS');
    const request = { items, min_seq: state.last_seq, timeout_ms: 10_000 };
    return (await system.ask<{ items: Item[] }>('content.get', request)).items;
  } finally {
    await nc.close();
  }
}
const price = async (item: string): Promise<unknown> => (await held(item))[0]?.attributes?.price;
const none = { new: 0, changed: 0, unchanged: 0, restored: 0, withdrawn: 0 };

describe('a value that comes back', () => {
  it('is published again, and an unchanged item is not', async () => {
    for (const [value, counts] of [
      [10, { new: 2 }],
      [8, { changed: 1, unchanged: 1 }],
      [10, { changed: 1, unchanged: 1 }],
      [10, { unchanged: 2 }],
    ] as const) {
      const result = await importing(catalogue('prices', { pa: value, pb: 5 }));
      const changed = ('new' in counts ? counts.new : 0) + ('changed' in counts ? counts.changed : 0);
      expect(result).toMatchObject({ read: 2, published: changed, duplicates: 2 - changed, rejected: 0 });
      expect(result.catalogue).toEqual({ ...none, ...counts });
      expect(await price('pa')).toBe(value);
    }
  });
});

describe('a catalogue that an older build imported', () => {
  it('is not published again', async () => {
    const attributes = { price: 3 };
    await system.publish([
      published('oa', { title: 'Title of oa', attributes }, { source: 'import-old', id: 'published-0a1b' }),
    ]);
    expect(await importing(catalogue('old', { oa: 3 }))).toMatchObject({ published: 0, duplicates: 1 });
  });
});

describe('items that the files no longer contain', () => {
  const names = Array.from({ length: 20 }, (_, n) => `w${n}`);
  const week = (leftOut: readonly string[], more: Record<string, Price> = {}): string =>
    catalogue('shop', {
      ...Object.fromEntries(names.filter((name) => !leftOut.includes(name)).map((name) => [name, 1])),
      ...more,
    });

  it('stay without --withdraw-missing, and are withdrawn with it, and restored when they come back', async () => {
    await system.publish([published('of-the-app', {}, { source: 'app' })]);
    expect(await importing(week([]))).toMatchObject({ published: 20 });
    expect(await importing(week(['w1', 'w2']))).toMatchObject({ published: 0 });
    expect(await held('w1')).toMatchObject([{ available: true }]);
    const result = await importing(week(['w1', 'w2']), '--withdraw-missing');
    expect(result).toMatchObject({ published: 2, catalogue: { ...none, unchanged: 18, withdrawn: 2 } });
    expect(await held('w1', 'w2', 'w3', 'of-the-app')).toMatchObject(
      [false, false, true, true].map((available) => ({ available })),
    );
    // It comes back with another price, goes again and comes back as it was.
    expect(await importing(week(['w2'], { w1: 2 }), '--withdraw-missing')).toMatchObject({
      published: 2,
      catalogue: { ...none, unchanged: 18, restored: 1 },
    });
    expect(await held('w1')).toMatchObject([{ available: true, attributes: { price: 2 } }]);
    for (const [gone, available] of [
      [true, false],
      [false, true],
      [true, false],
      [false, true],
    ] as const) {
      await importing(week(gone ? ['w1', 'w2'] : ['w2'], gone ? {} : { w1: 2 }), '--withdraw-missing');
      expect(await held('w1')).toMatchObject([{ available }]);
    }
    const { stderr } = await system.cli('import', week(['w1', 'w2']), '--withdraw-missing');
    expect(stderr).toMatch(/The import keeps \d+ items that the files do not contain, .*app 1/);
  });

  it('stay withdrawn if somebody else withdrew them', async () => {
    await system.publish([withdrawn('w5', { source: 'operator' })]);
    const { stdout, stderr } = await system.cli('import', week([]));
    expect(stdout).toContain('0 new, 0 changed, 2 restored, 18 unchanged, 0 withdrawn');
    expect(stderr).toContain('Another source withdrew 1 item of the files');
    expect(await held('w5')).toMatchObject([{ available: false }]);
  });

  it('are not withdrawn if they are many, unless the operator says so; and nothing is published', async () => {
    const few = week(names.slice(0, 3), { w9: 7 });
    const refused = await system.cli('import', few, '--withdraw-missing');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      'FRESHET_WITHDRAWAL_REFUSED: The files lack 3 of the 19 items of the source import-shop, which is more than 10 %',
    );
    expect(refused.stderr).toContain('Next: check that the files are complete; then pass --yes');
    expect(await price('w9')).toBe(1);
    expect(await importing(few, '--withdraw-missing', '--yes')).toMatchObject({
      catalogue: { ...none, changed: 1, unchanged: 16, withdrawn: 3 },
    });
  });

  it('are not withdrawn if rows of the catalogue were rejected, because these may be theirs', async () => {
    const file = week(['w19'], { w0: 1, w1: 1, w2: 1 });
    writeFileSync(file, `${'x'.repeat(200)},too long an id,1\n`, { flag: 'a' });
    const refused = await system.cli('import', file, '--withdraw-missing');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('FRESHET_WITHDRAWAL_REFUSED') });
    expect(refused.stderr).toContain('the import cannot read 1 row of the catalogue');
    expect(await held('w19')).toMatchObject([{ available: true }]);
  });

  it('need a catalogue in the files', async () => {
    const folder = join(system.data, 'exports', 'views');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'views.csv'), 'user_id,item_id,timestamp\nann,w1,1704067200\n');
    for (const options of [['--withdraw-missing'], ['--yes']])
      expect(await system.cli('import', folder, ...options)).toMatchObject({ code: 2 });
  });
});

describe('two imports of one source', () => {
  it('exclude each other, and the error says what to do', async () => {
    const nc = await system.connect();
    const lease = createSourceLease({ nc, source: 'import-both', lapseMs: 2_000 });
    try {
      await lease.hold();
      const file = catalogue('both', { ba: 1 });
      const refused = await system.cli('import', file);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/FRESHET_SYNC_UNDER_WAY: Process \d+ on .* is importing the catalogue/);
      expect(refused.stderr).toContain('Next: wait until that import has ended, or end it');
      // A dry run and other sources do not care.
      expect(await system.cli('import', file, '--dry-run')).toMatchObject({ code: 0 });
      expect(await importing(file, '--source', 'another')).toMatchObject({ published: 1 });
      await lease.release();
      expect(await importing(file)).toMatchObject({ published: 0, duplicates: 1 });
    } finally {
      await lease.release();
      await nc.close();
    }
  });
});

describe('imports of one file that begin together', () => {
  it('publish each item once: the others are refused, or find all done', async () => {
    const names = Array.from({ length: 300 }, (_, n) => [`t${n}`, n] as const);
    const file = catalogue('together', Object.fromEntries(names));
    const results = await Promise.all([1, 2, 3].map(() => system.cli('import', file, '--json')));
    for (const { code, stderr } of results)
      if (code !== 0)
        expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('SYNC_UNDER_WAY') });
    const published = results
      .filter(({ code }) => code === 0)
      .map(({ stdout }) => (JSON.parse(stdout.trim().split('\n').at(-1) as string) as Result).published);
    expect(published.reduce((sum, n) => sum + n, 0)).toBe(names.length);
    expect(await importing(file)).toMatchObject({ published: 0, duplicates: names.length });
  });
});

describe('a dry run', () => {
  it('says what would become of the items, with examples, and publishes nothing', async () => {
    await importing(catalogue('dry', { da: 1, db: 2, dc: 3 }));
    const next = catalogue('dry', { da: 1, db: 4, dd: 5 });
    const before = await held('da', 'db', 'dc', 'dd');
    const { code, stderr } = await system.cli('import', next, '--dry-run');
    expect(code).toBe(0);
    expect(stderr).toContain('1 new, 1 changed, 0 restored, 1 unchanged, 0 withdrawn');
    expect(stderr).toContain('changed: db "Title of db": attributes.price from 2 to 4');
    expect(stderr).toContain('new: dd "Title of dd"');
    expect(stderr).toContain('the files lack 1 of the 3 items of this source; --withdraw-missing would');
    const told = await system.json<{ catalogue: object }>('import', next, '--dry-run', '--withdraw-missing');
    expect(told.catalogue).toEqual({
      ...none,
      new: 1,
      changed: 1,
      unchanged: 1,
      withdrawn: 1,
      rejected: 0,
      missing: 1,
      of_source: 3,
      refused: expect.stringContaining('The files lack 1 of the 3 items'),
      examples: [
        {
          item: 'db',
          change: 'changed',
          title: 'Title of db',
          differences: [{ field: 'attributes.price', from: 2, to: 4 }],
        },
        { item: 'dd', change: 'new', title: 'Title of dd' },
        { item: 'dc', change: 'withdrawn', title: 'Title of dc' },
      ],
      remarks: [expect.stringContaining('the last publication is of another source')],
    });
    expect(await held('da', 'db', 'dc', 'dd')).toEqual(before);
  });

  it('still shows how it reads the files if no system runs', async () => {
    const file = catalogue('dry', { da: 1 });
    const { code, stderr } = await system.cliRaw('import', file, '--dry-run', '--data', join(system.data, 'nowhere'));
    expect(code).toBe(0);
    expect(stderr).toContain('item da "Title of da", price 1');
    expect(stderr).toContain('The dry run cannot compare the catalogue with a running system: No `freshet up` runs');
  });
});

describe('a history and a catalogue together', () => {
  it('are imported in one go: the catalogue as differences, the history by its identities', async () => {
    const folder = join(system.data, 'exports', 'set');
    mkdirSync(folder, { recursive: true });
    const item = (title: string): void =>
      writeFileSync(join(folder, 'set.item'), `item_id:token\ttitle:token_seq\nra\t${title}\nrb\tB\n`);
    writeFileSync(
      join(folder, 'set.inter'),
      'user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\tra\t4\t1704067200\nu\trb\t5\t1704067300\n',
    );
    for (const [title, counts] of [
      ['A', { new: 2 }],
      ['A', { unchanged: 2 }],
      ['A2', { changed: 1, unchanged: 1 }],
      ['A', { changed: 1, unchanged: 1 }],
    ] as const) {
      item(title);
      const result = await importing(folder);
      expect(result).toMatchObject({ read: 4, rejected: 0, catalogue: { ...none, ...counts } });
      expect(result.published + result.duplicates).toBe(4);
      expect(await held('ra')).toMatchObject([{ title }]);
    }
    expect(system.count('user', 'SELECT count(*) FROM interaction')).toBe(2);
  });
});
