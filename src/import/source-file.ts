import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { ImportFormatError, messageOf } from '../errors.ts';
import { isParquet, readParquetHead } from './parquet.ts';

/** A file with its first lines, by which the formats recognise it. */
export interface SourceFile {
  path: string;
  /** Name without the folder and without `.gz`. */
  name: string;
  bytes: number;
  changed: number;
  compressed: boolean;
  /** The first complete lines, without line ends and byte order mark. */
  head: string[];
  /** The first rows, if it is a Parquet file; its lines are these rows as JSON then. */
  parquet?: { objects: Record<string, unknown>[] };
  /** Number of lines that are not empty: exact for a small file, else estimated from the head. */
  lines: number;
}

/** Bytes to read to recognise a file and to guess the content of its columns. */
const HEAD_BYTES = 128 * 1024;
/** With fewer complete lines the head grows up to so many bytes: an object of JSON may list all friends of a user. */
const HEAD_LINES = 20;
const HEAD_BYTES_MOST = 8 * 1024 * 1024;

/** Reads the head of a file. Throws ImportFormatError if it cannot, and for archives and UTF-16. */
export async function openSourceFile(path: string): Promise<SourceFile> {
  for (let most = HEAD_BYTES; ; most *= 4) {
    const file = await openHead(path, most);
    if (file.parquet || file.head.length >= HEAD_LINES || file.bytes <= most || most * 4 > HEAD_BYTES_MOST) return file;
  }
}

async function openHead(path: string, most: number): Promise<SourceFile> {
  const { bytes, changed, raw } = await readHead(path, most);
  if (isParquet(raw)) {
    const { rows, objects } = await readParquetHead(path);
    const head = objects.map((object) => JSON.stringify(object));
    return { path, name: basename(path), bytes, changed, compressed: false, head, lines: rows, parquet: { objects } };
  }
  const compressed = raw[0] === 0x1f && raw[1] === 0x8b;
  if (raw[0] === 0x50 && raw[1] === 0x4b && raw[2] === 0x03) {
    throw new ImportFormatError(`${path} is a zip archive. Freshet reads the files in it, not the archive.`, {
      next: `unzip ${path}, then import the files`,
      details: { path },
    });
  }
  const text = compressed ? unzipped(path, raw) : raw;
  if (text.subarray(257, 262).toString('latin1') === 'ustar') {
    throw new ImportFormatError(`${path} is a tar archive. Freshet reads the files in it, not the archive.`, {
      next: `tar -xf ${path}, then import the files`,
      details: { path },
    });
  }
  if ((text[0] === 0xff && text[1] === 0xfe) || (text[0] === 0xfe && text[1] === 0xff)) {
    throw new ImportFormatError(`${path} is UTF-16. Freshet reads UTF-8.`, {
      next: `iconv -f UTF-16 -t UTF-8 ${path} > ${path}.utf8`,
      details: { path },
    });
  }
  const whole = raw.length === bytes;
  const decoded = text.toString('utf8').replace(/^\ufeff/, '');
  const lines = decoded.split(/\r?\n/);
  // The last line of the head of a longer file is incomplete.
  if (!whole && lines.length > 1) lines.pop();
  const filled = lines.filter((line) => line.trim() !== '').length;
  return {
    path,
    name: basename(path).replace(/\.gz$/i, ''),
    bytes,
    changed,
    compressed,
    head: lines,
    lines: whole ? filled : Math.round((filled * bytes) / Math.max(1, raw.length)),
  };
}

async function readHead(path: string, most: number): Promise<{ bytes: number; changed: number; raw: Buffer }> {
  try {
    const { size, mtimeMs } = await stat(path);
    const handle = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(Math.min(size, most));
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return { bytes: size, changed: mtimeMs, raw: buffer.subarray(0, filled) };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new ImportFormatError(`Freshet cannot read ${path}: ${messageOf(cause)}.`, {
      next: `check the path and its permissions: ls -l ${path}`,
      details: { path },
      cause,
    });
  }
}

function unzipped(path: string, raw: Buffer): Buffer {
  try {
    return gunzipSync(raw, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (cause) {
    throw new ImportFormatError(`${path} is a damaged gzip file: ${messageOf(cause)}.`, {
      next: `test the archive: gzip -t ${path}`,
      details: { path },
      cause,
    });
  }
}
