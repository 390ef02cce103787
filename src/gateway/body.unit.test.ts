import { expect, test } from 'vitest';
import { readEntries } from './body.ts';

const read = (media: Parameters<typeof readEntries>[0], text: string | Buffer, max = 10) =>
  readEntries(media, Buffer.from(text as string), max);

test('one event is an entry, and so is each member of an array', () => {
  expect(read('application/cloudevents+json', '{"id":"a"}')).toEqual([{ value: { id: 'a' } }]);
  expect(read('application/cloudevents-batch+json', '[{"id":"a"},7]')).toEqual([{ value: { id: 'a' } }, { value: 7 }]);
  expect(read('application/json', '{"id":"a"}')).toHaveLength(1);
  expect(read('application/json', '[{"id":"a"},{}]')).toHaveLength(2);
});

test('the media type for one event refuses an array, and the one for several refuses anything else', () => {
  expect(() => read('application/cloudevents+json', '[{}]')).toThrow(/takes one event/);
  expect(() => read('application/cloudevents-batch+json', '{}')).toThrow(/takes an array/);
});

test('empty lines are not numbered, and a broken line fails alone', () => {
  const entries = read('application/x-ndjson', '{"id":"a"}\r\n\n  \n{"id":\n{"id":"b"}');
  expect(entries).toHaveLength(3);
  expect(entries[0]).toEqual({ value: { id: 'a' } });
  expect(entries[1]).toMatchObject({ problem: { code: 'FRESHET_EVENT_MALFORMED' } });
  expect(entries[2]).toEqual({ value: { id: 'b' } });
});

test('bytes that are not UTF-8 are refused, not replaced', () => {
  const bad = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
  expect(() => readEntries('application/json', bad, 10)).toThrow(/not UTF-8/);
  const lines = readEntries('application/x-ndjson', Buffer.concat([bad, Buffer.from('\n{}')]), 10);
  expect(lines[0]).toMatchObject({ problem: { message: expect.stringContaining('not UTF-8') } });
  expect(lines[1]).toEqual({ value: {} });
});

test('more events than allowed, and none at all, are errors', () => {
  expect(() => read('application/json', '[1,2,3]', 2)).toThrow(/more than 2 events/);
  expect(() => read('application/x-ndjson', '1\n2\n3\n', 2)).toThrow(/more than 2 events/);
  expect(read('application/x-ndjson', '1\n2\n\n\n', 2)).toHaveLength(2);
  expect(() => read('application/json', '[]')).toThrow(/no event/);
  expect(() => read('application/x-ndjson', '\n\n')).toThrow(/no event/);
});

test('a body that is not JSON is an error that says so', () => {
  expect(() => read('application/json', '{"id"')).toThrow(/not JSON/);
  expect(() => read('application/json', '')).toThrow(/empty/);
  expect(() => read('application/json', '['.repeat(1_000_000))).toThrow(/not JSON/);
});
