/** The comparison in small: this tree against itself, so that it needs no second set-up. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { tempDir } from '../../test/support/tempdir.ts';
import { checkData, runAgainst } from './against.ts';
import { DEFAULTS, type RowOptions } from './options.ts';
import { textOf } from './report.ts';
import { ROWS } from './rows/mod.ts';
import type { Tree } from './tree.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const tree = (name: Tree['name']): Tree => ({ name, root: ROOT, commit: undefined, changed: false });
const rows = (...names: string[]) => ROWS.filter(({ name }) => names.includes(name));

/** Users who take six of 40 items each, as an atomic file. */
function interactions(): string {
  const file = join(tempDir('against'), 'small.inter');
  const lines = Array.from({ length: 300 }, (_, at) => [at % 50, (at * 7) % 40, 1_600_000_000 + at].join('\t'));
  writeFileSync(file, `user_id:token\titem_id:token\ttimestamp:float\n${lines.join('\n')}\n`);
  return file;
}

it('learns the same in both trees by turns, and times lists afterwards', async () => {
  const options: RowOptions = {
    ...DEFAULTS,
    inter: interactions(),
    lists: 10,
    catalogueItems: 100,
    catalogueUsers: 50,
    catalogueEvents: 300,
  };
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const figures = await runAgainst({
    ref: tree('ref'),
    new: tree('new'),
    rows: rows('fold', 'lists'),
    rounds: 2,
    options,
    folder: tempDir('run'),
    say,
  });
  // The tree of the second round that starts is the other one.
  expect(said.filter((line) => /fold, \w+ \([^)]*\)$/.test(line)).map((line) => /ref|new/.exec(line)?.[0])).toEqual([
    'ref',
    'new',
    'new',
    'ref',
  ]);
  const [fold, lists] = figures.rows;
  const named = (name: string) => fold?.figures.find((figure) => figure.name === name);
  expect(named('examples learned')?.new[0]).toBeGreaterThan(0);
  // Same code and same events: all that no clock measures is equal.
  for (const name of ['examples learned', 'prequential HR@10', 'prequential NDCG@10'])
    expect(named(name)?.new).toEqual(named(name)?.ref);
  expect(named('learning')?.ratio?.median).toBeGreaterThan(0);
  expect(lists?.figures.map(({ name, unit }) => [name, unit])).toEqual([
    ['lists, the data', 'lists/s'],
    ['by processor time, the data', 'lists/s'],
    ['p99, the data', 'ms'],
    ['lists, 100 simulated items', 'lists/s'],
    ['by processor time, 100 simulated items', 'lists/s'],
    ['p99, 100 simulated items', 'ms'],
  ]);
  expect(textOf(figures)).toMatch(/^learning +events\/s +\S+ +\S+ +\d+\.\d+ +\d+\.\d+ to \d+\.\d+$/m);
});

it('says which option a row lacks, and which path does not exist', () => {
  expect(() => checkData(rows('fold'), DEFAULTS)).toThrow(/row fold.*--inter/);
  expect(() => checkData(rows('lists'), { ...DEFAULTS, inter: '/nowhere/x.inter' })).toThrow(/\/nowhere\/x\.inter/);
});
