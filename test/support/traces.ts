/**
 * Searches all files of folders for texts that must be gone: in plain form, in every reversible form that Freshet, SQLite
 * or nats-server write, inside compressed streams, and in the names of files.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { encodeToken } from '../../src/bus/event/ids.ts';
import { readS2 } from './s2.ts';

export interface Trace {
  text: string;
  /** How the text is written there: `plain`, `token`, `hex`, `base64+1` ... */
  form: string;
  file: string;
  /** What the file's bytes had to be decompressed with to find it; left out: nothing. */
  inside?: string;
  count: number;
}

const TSX = import.meta.resolve('tsx');
const CHILD = fileURLToPath(new URL('./traces.child.ts', import.meta.url));

/**
 * Which of these texts are in which file. Another process reads the files: if this one closed a file, the system would
 * release all locks that SQLite holds on it here.
 */
export async function findTraces(folders: readonly string[], texts: readonly string[]): Promise<Trace[]> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', TSX, CHILD], {
    env: { ...process.env, TRACES: JSON.stringify({ folders, texts }) },
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout) as Trace[];
}

/** The traces as lines for a comparison: `an-id (token) in msgs/1.blk`. */
export const traceLines = (traces: readonly Trace[]): string[] =>
  traces.map(
    ({ text, form, file, inside, count }) => `${text} (${form}${inside ? ` in ${inside}` : ''}) in ${file}: ${count}`,
  );

/** Every form of a text in which a file could hold it. Two forms with the same bytes count as one. */
export function formsOf(text: string): [form: string, bytes: Buffer][] {
  const bytes = Buffer.from(text, 'utf8');
  const escaped = JSON.stringify(text).slice(1, -1);
  const hex = bytes.toString('hex');
  const units = (upper: boolean, which: (unit: string) => boolean): string =>
    Array.from({ length: text.length }, (_, i) => {
      const code = text.charCodeAt(i).toString(16).padStart(4, '0');
      return which(text[i] as string) ? `\\u${upper ? code.toUpperCase() : code}` : text[i];
    }).join('');
  const other = (unit: string): boolean => unit > '~';
  const token = encodeToken(text);
  const all: [string, Buffer | string][] = [
    ['plain', bytes],
    ['NFD', text.normalize('NFD')],
    ['token', token],
    ['token, lower case', token.replace(/=../g, (one) => one.toLowerCase())],
    [
      'token of all bytes',
      Array.from(bytes, (byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    ],
    ['JSON', escaped],
    ['JSON in JSON', JSON.stringify(escaped).slice(1, -1)],
    ['JSON escapes', units(false, other)],
    ['JSON escapes', units(true, other)],
    ['JSON escapes of all', units(false, () => true)],
    ['JSON escapes of all', units(true, () => true)],
    ['percent', encodeURIComponent(text)],
    ['hex', hex],
    ['hex', hex.toUpperCase()],
    ['UTF-16', Buffer.from(text, 'utf16le')],
    ['UTF-16 big-endian', Buffer.from(text, 'utf16le').swap16()],
    ...[0, 1, 2].flatMap((shift): [string, string][] => {
      // Only characters that stand for bytes of the text alone, whatever is before and after it.
      const coded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
      const inner = coded.slice(Math.ceil((shift * 4) / 3), Math.floor(((shift + bytes.length) * 4) / 3));
      return [
        [`base64+${shift}`, inner],
        [`base64url+${shift}`, inner.replace(/\+/g, '-').replace(/\//g, '_')],
      ];
    }),
  ];
  const seen = new Set<string>();
  return all.flatMap(([form, given]): [string, Buffer][] => {
    const found = Buffer.from(given as string);
    const key = found.toString('latin1');
    if (seen.has(key)) return [];
    seen.add(key);
    return [[form, found]];
  });
}

/** The search itself; {@link findTraces} runs it in a process of its own. */
export function searchFolders(folders: readonly string[], texts: readonly string[]): Trace[] {
  const forms = texts.flatMap((text) => formsOf(text).map(([form, bytes]) => ({ text, form, bytes })));
  const traces: Trace[] = [];
  const look = (bytes: Buffer, file: string, inside?: string): void => {
    for (const { text, form, bytes: wanted } of forms) {
      let count = 0;
      for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) count++;
      if (count > 0) traces.push({ text, form, file, ...(inside ? { inside } : {}), count });
    }
  };
  for (const folder of folders)
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, name);
      const file = relative(folder, path);
      look(Buffer.from(file), `the name ${file}`);
      const bytes = contents(path);
      if (!bytes) continue;
      look(bytes, file);
      for (const part of readS2(bytes)) look(part, file, 'S2');
      for (const [kind, part] of inflated(bytes)) look(part, file, kind);
    }
  return traces;
}

/** The bytes of a file; undefined for a folder, and for a file that a running server removed meanwhile. */
function contents(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (err) {
    if (['EISDIR', 'ENOENT', 'ENXIO'].includes((err as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw err;
  }
}

/** What zlib makes of these bytes, where a gzip or zlib header is, or of the whole as brotli. */
function inflated(bytes: Buffer): [string, Buffer][] {
  const found: [string, Buffer][] = [];
  const attempt = (kind: string, read: () => Buffer): void => {
    try {
      const part = read();
      if (part.length > 0) found.push([kind, part]);
    } catch {
      // It was none of these.
    }
  };
  const partly = { finishFlush: constants.Z_SYNC_FLUSH };
  const starts = (header: number[], kind: string, read: (part: Buffer) => Buffer): void => {
    const wanted = Buffer.from(header);
    for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1))
      attempt(kind, () => read(bytes.subarray(at)));
  };
  // A header of ten bytes, unless flags say that more follow. What follows the data fails the check of a whole file.
  starts([0x1f, 0x8b, 0x08], 'gzip', (part) =>
    part[3] === 0 ? inflateRawSync(part.subarray(10), partly) : gunzipSync(part, partly),
  );
  for (const level of [0x01, 0x5e, 0x9c, 0xda]) starts([0x78, level], 'deflate', (part) => inflateSync(part, partly));
  if (bytes.length < 1 << 20) attempt('brotli', () => brotliDecompressSync(bytes));
  return found;
}
