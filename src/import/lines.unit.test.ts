import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { type LineOptions, readLines } from './lines.ts';
import { temporaryFolder } from './testing.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

async function read(content: string | Uint8Array, options: Partial<LineOptions> = {}) {
  const path = folder.write('file', content);
  const lines: string[] = [];
  const undecodable: number[] = [];
  let bytes = 0;
  const onBytes = (n: number) => {
    bytes += n;
  };
  for await (const batch of readLines(path, { compressed: false, onBytes, ...options })) {
    expect(batch.first).toBe(lines.length + 1);
    for (const i of batch.undecodable ?? []) undecodable.push(batch.first + i);
    lines.push(...batch.lines);
  }
  return { lines, undecodable, bytes };
}

test('a byte order mark, CRLF and a missing last line end are tolerated', async () => {
  expect((await read('\ufeffa\r\nb\n\nc')).lines).toEqual(['a', 'b', '', 'c']);
  expect((await read('a\n')).lines).toEqual(['a']);
  expect((await read('')).lines).toEqual([]);
});

test('lines across the chunks of reading are whole', async () => {
  const expected = Array.from({ length: 60_000 }, (_, i) => `é${i}`.repeat(1 + (i % 7)));
  const content = expected.join('\n');
  const plain = await read(content);
  expect(plain.lines).toEqual(expected);
  expect(plain.bytes).toBe(Buffer.byteLength(content));
  const zipped = gzipSync(content);
  const unzipped = await read(zipped, { compressed: true });
  expect(unzipped.lines).toEqual(expected);
  expect(unzipped.bytes).toBe(zipped.length);
});

test('bytes that are not UTF-8 make a rejected line, or text in latin-1', async () => {
  const content = Buffer.concat([Buffer.from('é\n'), Buffer.from('caf\xe9\r\n', 'latin1'), Buffer.from('x')]);
  expect(await read(content)).toMatchObject({ undecodable: [2], lines: ['é', 'café', 'x'] });
  expect(await read(content, { otherwise: 'latin1' })).toMatchObject({ undecodable: [], lines: ['é', 'café', 'x'] });
});

test('a gzip file that ends early is an error that names the line', async () => {
  const zipped = gzipSync(Array.from({ length: 1000 }, (_, i) => `line ${i * 7919}`).join('\n'));
  await expect(read(zipped.subarray(0, -20), { compressed: true })).rejects.toMatchObject({
    code: 'FRESHET_IMPORT_FORMAT',
    next: expect.stringContaining('gzip -t'),
  });
});

test('reading ends at the signal', async () => {
  await expect(read('a\nb\n', { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
});
