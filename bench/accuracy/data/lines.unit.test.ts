import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createCodec } from '../../../src/bus/event/codec.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { interleave, isLines, parseLines, readLines } from './lines.ts';

const file = (name: string, text: string): string => {
  const path = join(tempDir('lines'), name);
  writeFileSync(path, text);
  return path;
};

test('lines and tables are distinguished by their form', () => {
  expect(isLines(file('x.txt', '1 1 2 3\n2 4 5\n'))).toBe(true);
  expect(isLines(file('u.data', '1\t2\t3\t4\n1\t3\t3\t4\n'))).toBe(false);
  expect(isLines(file('x.inter', 'user_id:token\titem_id:token\ttimestamp:float\n1\t2\t3\n'))).toBe(false);
  expect(isLines(file('ratings.txt', 'user,item,time\n1,2,3\n'))).toBe(false);
});

test('users’ events are mixed into one stream that keeps the order of each', () => {
  const histories = parseLines('u1 a b c d e\n\nu2 x y z\n', 'x.txt');
  const steps = interleave(histories);
  const of = (user: string): string => steps.flatMap((step) => (step.user === user ? [step.item] : [])).join('');
  expect(of('u1')).toBe('abcde');
  expect(of('u2')).toBe('xyz');
  expect(interleave(histories)).toEqual(steps);
});

test('a line without items is refused with its number', () => {
  expect(() => parseLines('u1 a\nu2\n', 'x.txt')).toThrow('x.txt:2');
});

test('attributes are tags of the items, which are published first', () => {
  const lines = file('toy.txt', 'u1 1 2\nu2 2 3 1\n');
  const attributes = file('toy.json', '{"1": [7, 8, 7], "9": ["new"]}');
  const data = readLines(lines, attributes, createCodec());
  expect(data).toMatchObject({ name: 'toy', catalogued: true, held: 2 });
  const fields = Object.fromEntries(data.items.map((item, at) => [item, data.fields[at]]));
  expect(fields).toEqual({
    1: { title: '1', tags: ['7', '8'] },
    2: { title: '2' },
    3: { title: '3' },
    9: { title: '9', tags: ['new'] },
  });
  expect(data.entries.slice(0, 4).every(({ interaction }) => interaction === undefined)).toBe(true);
  expect(data.entries).toHaveLength(9);
  expect(readLines(lines, undefined, createCodec())).toMatchObject({ catalogued: false });
});
