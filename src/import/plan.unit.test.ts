import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EVENT_DATA, type EventType, envelopeSchema } from '../bus/event/types.ts';
import { parseColumnMap } from './columns.ts';
import { openImport } from './plan.ts';
import { type Folder, importing, temporaryFolder } from './testing.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const HEADER = 'user_id:token\titem_id:token\trating:float\ttimestamp:float';
/** Seconds from which the times of the rows count, a full minute. */
const BASE = 1_577_836_800;
const inter = (rows: readonly (readonly [string, string, number, number])[]) =>
  [HEADER, ...rows.map(([user, item, rating, time]) => [user, item, rating, BASE + time].join('\t'))].join('\n');

const row = fc.tuple(
  fc.constantFrom('u1', 'u2', 'ü 3'),
  fc.constantFrom('i1', 'i2', 'i.*>'),
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 0, max: 4 }),
);

const idsOf = (events: readonly { id: string }[]) => events.map(({ id }) => id);

test('shuffled rows, and copies of rows in further files, give the same events', async () => {
  const cases = fc
    .array(row, { minLength: 1, maxLength: 40 })
    .chain((rows) =>
      fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }), fc.shuffledSubarray(rows)),
    );
  await fc.assert(
    fc.asyncProperty(cases, async ([rows, shuffled, copies]) => {
      const whole = folder.write('whole.inter', inter(rows));
      const parts = [
        folder.write('other.inter', inter(copies)),
        folder.write('part-1.inter', inter(shuffled)),
        folder.write('part-2.inter', inter(copies)),
      ];
      const one = await importing(whole);
      const other = await importing(parts);
      expect(new Set(idsOf(one.events)).size).toBe(rows.length);
      expect(idsOf(other.events).sort()).toEqual(idsOf(one.events).sort());
      const byId = new Map(other.events.map((event) => [event.id, event]));
      for (const event of one.events) expect(byId.get(event.id)).toEqual(event);
    }),
    { numRuns: 40 },
  );
});

test('files together give the events that they give one after the other, however rows are grouped', async () => {
  const cases = fc.array(fc.tuple(row, fc.nat(2)), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(cases, async (rows) => {
      const files = [0, 1, 2].map((file) =>
        folder.write(`${file}.inter`, inter(rows.filter((one) => one[1] === file).map(([cells]) => cells))),
      );
      const apart = new Set<string>();
      for (const file of files)
        for (const { source, id } of (await importing(file)).events) apart.add(`${source}/${id}`);
      const { events, plan } = await importing(files);
      expect(new Set(events.map(({ source, id }) => `${source}/${id}`))).toEqual(apart);
      expect(events).toHaveLength(apart.size);
      expect(plan.progress()).toMatchObject({ rowsRead: rows.length, yielded: rows.length });
    }),
    { numRuns: 40 },
  );
});

test('rows that two files hold are reported', async () => {
  folder.write('mar.inter', inter([['u', 'a', 1, 7]]));
  const both = inter([
    ['u', 'a', 1, 7],
    ['u', 'b', 1, 7],
  ]);
  folder.write('apr.inter', both);
  const { plan, story } = await importing(folder.path);
  expect(story).toEqual(['rated u a', 'rated u b']);
  expect(plan.remarks()).toEqual(['mar.inter, line 2: the row is in apr.inter too and counts once']);
});

test('the source is the same for all files, except for items and users, and unless the user names one', async () => {
  folder.write('x-1.inter', inter([['u', 'a', 1, 7]]));
  folder.write('x-1.item', 'item_id:token\na\n');
  const sourcesOf = async (options = {}) => {
    const { events, plan } = await importing(folder.path, options);
    return [events.map(({ source }) => source), plan.source, plan.stateSource, plan.formerSources];
  };
  expect(await sourcesOf()).toEqual([['import-x', 'import'], 'import', 'import-x', ['import-x', 'import-recbole']]);
  expect(await sourcesOf({ source: 'shop' })).toEqual([['shop', 'shop'], 'shop', 'shop', []]);
});

test('a sort through files gives the same rows in the same order, and removes the files', async () => {
  const tempFolder = join(folder.path, 'temporary');
  mkdirSync(tempFolder);
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { maxLength: 60 }),
      fc.integer({ min: 1, max: 9 }),
      async (rows, maxRowsInMemory) => {
        const paths = [
          folder.write('a.inter', inter(rows)),
          folder.write('a.item', 'item_id:token\ttitle:token_seq\ni1\tOne\ni2\tTwo\ni3\tThree'),
          folder.write('a.user', 'user_id:token\tage:token\nu1\t1\nu2\t2'),
        ];
        const inMemory = await importing(paths);
        const throughFiles = await importing(paths, { maxRowsInMemory, tempFolder });
        expect(throughFiles.rows).toEqual(inMemory.rows);
        expect(readdirSync(tempFolder)).toEqual([]);
      },
    ),
    { numRuns: 40 },
  );
});

test('ties keep the order of the files and their lines', async () => {
  folder.write(
    'x-2.inter',
    inter([
      ['u', 'b', 1, 7],
      ['u', 'a', 1, 7],
    ]),
  );
  folder.write(
    'x-10.inter',
    inter([
      ['u', 'c', 1, 7],
      ['u', 'first', 1, 6],
    ]),
  );
  const { story, plan } = await importing(folder.path);
  expect(plan.name).toBe('x');
  expect(story).toEqual(['rated u first', 'rated u b', 'rated u a', 'rated u c']);
});

test('an item is published just before its first use, and an unused one before all events', async () => {
  folder.write(
    'x.inter',
    inter([
      ['u', 'b', 1, 20],
      ['v', 'a', 1, 10],
      ['u', 'a', 1, 5],
    ]),
  );
  folder.write('x.item', 'item_id:token\ttitle:token_seq\na\tA\nb\tB\nnever\tN');
  folder.write('x.user', 'user_id:token\tage:token\nu\t1\nv\t2\nw\t3');
  const { events } = await importing(folder.path);
  expect(events.map(({ subject, time }) => `${subject} ${time?.slice(17)}`)).toEqual([
    'a 04.999Z',
    'never 04.999Z',
    'u 04.999Z',
    'w 04.999Z',
    'u 05.000Z',
    'v 09.999Z',
    'v 10.000Z',
    'b 19.999Z',
    'u 20.000Z',
  ]);
});

test('a catalogue alone has no times', async () => {
  const file = folder.write('x.item', 'item_id:token\ttitle:token_seq\nb\tB\na\tA');
  const { events } = await importing(file);
  expect(events.map(({ subject, time }) => [subject, time])).toEqual([
    ['b', undefined],
    ['a', undefined],
  ]);
});

test('of the rows that describe an item the last one counts, by time and then in the order of the files', async () => {
  folder.write('items-1.csv', 'item,title,changed\na,A3,30\nb,B1,10\na,A1,10\nb,B2,10\n');
  folder.write('items-2.csv', 'item,title,changed\na,A2,20\nb,B2,10\n');
  const map = parseColumnMap({ item: 'item', title: 'title', time: 'changed', timeUnit: 's' });
  const { plan, rows } = await importing(folder.path, { map });
  expect(rows.map(({ event, ofItem }) => [event.subject, (event.data as { title: string }).title, ofItem])).toEqual([
    ['b', 'B2', true],
    ['a', 'A3', true],
  ]);
  expect(plan.remarks()).toContain(
    'items-1.csv: a later row describes the same item, and counts instead, in 3 rows; the first is in line 3',
  );
  expect(plan.describes('a')).toBe(true);
  expect(plan.describes('c')).toBe(false);
});

test('every event fits its schema', async () => {
  folder.write('x.inter', inter([['u', 'a', 1, 10]]));
  folder.write('x.item', 'item_id:token\ttitle:token_seq\tyear:token\tclass:token_seq\na\tA\t1900\tx y');
  folder.write('x.user', 'user_id:token\tage:token\nu\t1');
  const { events } = await importing(folder.path);
  expect(events).toHaveLength(3);
  for (const event of events) {
    const schema = envelopeSchema(event.type, EVENT_DATA[event.type as EventType]);
    expect([...Value.Errors(schema, event)]).toEqual([]);
  }
});

test('a plan can run again, reports its progress, and is the same for the same files', async () => {
  const file = folder.write(
    'x.inter',
    `${inter([
      ['u', 'a', 1, 10],
      ['u', 'b', 1, 11],
    ])}\nbroken`,
  );
  const plan = await openImport([file]);
  expect(plan.progress()).toMatchObject({ phase: 'idle', bytesRead: 0, bytesTotal: plan.bytes });
  for (let run = 0; run < 2; run++) {
    const sizes: number[] = [];
    for await (const rows of plan.batches(1)) sizes.push(rows.length);
    expect(sizes).toEqual([1, 1, 1]);
    expect(plan.progress()).toEqual({
      phase: 'done',
      bytesRead: plan.bytes,
      bytesTotal: plan.bytes,
      rowsRead: 3,
      rejected: 1,
      events: 2,
      yielded: 2,
    });
  }
  expect((await openImport([file])).fingerprint).toBe(plan.fingerprint);
  expect((await openImport([file], { source: 'import-y' })).fingerprint).not.toBe(plan.fingerprint);
  folder.write('x.inter', inter([['u', 'a', 1, 10]]));
  expect((await openImport([file])).fingerprint).not.toBe(plan.fingerprint);
});

test('the folder of a file changes nothing', async () => {
  const here = await importing(folder.write('here/x.inter', inter([['u', 'a', 1, 10]])));
  const there = await importing(folder.write('there/x.inter', inter([['u', 'a', 1, 10]])));
  expect(there.events).toEqual(here.events);
});

test('a cancelled import leaves no temporary files', async () => {
  const tempFolder = join(folder.path, 'temporary');
  mkdirSync(tempFolder);
  const rows = Array.from({ length: 50 }, (_, i) => ['u', `i${i}`, 1, 50 - i] as const);
  const plan = await openImport([folder.write('x.inter', inter(rows))], { maxRowsInMemory: 10, tempFolder });
  for await (const _ of plan.batches(5)) break;
  const stop = new AbortController();
  const stopped = await openImport([join(folder.path, 'x.inter')], {
    maxRowsInMemory: 10,
    tempFolder,
    signal: stop.signal,
  });
  await expect(async () => {
    for await (const _ of stopped.batches(5)) stop.abort();
  }).rejects.toMatchObject({ name: 'AbortError' });
  expect(readdirSync(tempFolder)).toEqual([]);
});

test('data that cannot be imported is refused with its first line and the next step', async () => {
  const refused = async (paths: string[], options = {}) => openImport(paths, options).catch((err) => err);
  const unknown = await refused([folder.write('notes.md', '# Notes\n')]);
  expect(unknown).toMatchObject({ code: 'FRESHET_IMPORT_FORMAT', message: expect.stringContaining('"# Notes"') });
  expect(unknown.next).toContain('--format');
  expect(await refused([folder.path])).toMatchObject({ message: expect.stringContaining('notes.md') });
  expect(await refused([join(folder.path, 'missing')])).toMatchObject({ code: 'FRESHET_IMPORT_FORMAT' });
  expect(await refused([folder.write('x.zip', 'PK\u0003\u0004')])).toMatchObject({
    next: expect.stringContaining('unzip'),
  });
  expect(await refused([folder.write('w.csv', Buffer.from('\ufeffuser,item', 'utf16le'))])).toMatchObject({
    next: expect.stringContaining('iconv'),
  });
  const mixed = [folder.write('x.inter', inter([])), folder.write('e.jsonl', '{"specversion":"1.0"}')];
  expect(await refused(mixed)).toMatchObject({
    message: expect.stringContaining('x.inter (recbole), e.jsonl (jsonl)'),
  });
  expect(await refused([])).toMatchObject({ code: 'FRESHET_USAGE' });
  expect(await refused(mixed.slice(0, 1), { source: 'a\nb' })).toMatchObject({ code: 'FRESHET_USAGE' });
});

test('the plan says in words what each file is taken for, and what becomes of its first rows', async () => {
  folder.write(
    'a.csv',
    'user_id,video_id,rating,timestamp,note\nu,i,4,1588687728,x\nu,i,4,,x\nu,j,5,1588687729,x\nu,k,5,1,x\n',
  );
  folder.write('items.csv', 'video_id,genres,pages\ni,a|b,7\n');
  folder.write('users.csv', 'user_id,age\nu,31\n');
  const plan = await openImport([folder.path]);
  const rows = await plan.preview();
  const shown = plan.files.map(({ name, note, said, path }) => [name, note, ...said, ...(rows.get(path) ?? [])]);
  expect(shown).toEqual([
    [
      'a.csv',
      'user in user_id, item in video_id, time in timestamp, value in rating, each row is a user.rated.v1',
      'time: seconds since 1970, as the first rows show',
      'not read: note',
      'line 2: user u rated item i with 4 at 2020-05-05T14:08:48.000Z',
      'line 3: rejected, because the time is empty',
      'line 4: user u rated item j with 5 at 2020-05-05T14:08:49.000Z',
    ],
    [
      'items.csv',
      'item in video_id, no title, so that the id stands for it, tags in genres, attributes from pages',
      'line 2: item i "i", tags a | b, pages 7',
    ],
    ['users.csv', 'user in user_id, traits from age', 'line 2: user u, age 31'],
  ]);
});
