import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ImportFormatError, messageOf } from '../errors.ts';
import { type Draft, reject } from './drafts.ts';

/** Lines of a file, without line ends. `first` is the number of the first line, from 1. */
export interface LineBatch {
  first: number;
  lines: string[];
  /** Indexes of the lines that are not UTF-8, with `otherwise: 'reject'`. Their text is invalid. */
  undecodable?: Set<number>;
}

export interface LineOptions {
  compressed: boolean;
  /** How to read lines that are not UTF-8: as Latin-1, or reject them (default). */
  otherwise?: 'latin1' | 'reject';
  /** Called with the number of bytes read from the file since the last call. */
  onBytes?: ((bytes: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const CHUNK = 256 * 1024;
/** A longer line shows that the file does not consist of lines. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;
const NEWLINE = 10;

/**
 * Reads a file in batches of lines, because an `await` per line would cost more than all other work on it. Accepts a byte
 * order mark and CRLF. Throws ImportFormatError if reading or unzipping fails.
 */
export async function* readLines(path: string, options: LineOptions): AsyncGenerator<LineBatch, void, undefined> {
  const { compressed, otherwise = 'reject', onBytes, signal } = options;
  const file = createReadStream(path, { highWaterMark: CHUNK });
  let reported = 0;
  const report = () => {
    onBytes?.(file.bytesRead - reported);
    reported = file.bytesRead;
  };
  let source: Readable = file;
  if (compressed) {
    const gunzip = createGunzip({ chunkSize: CHUNK });
    file.on('error', (err) => gunzip.destroy(err));
    source = file.pipe(gunzip);
  }
  let first = 1;
  let rest: Buffer[] = [];
  let restBytes = 0;
  let start = true;
  const batchOf = (bytes: Buffer): LineBatch => {
    const batch = decode(start ? withoutMark(bytes) : bytes, first, otherwise);
    start = false;
    first += batch.lines.length;
    return batch;
  };
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      report();
      const end = chunk.lastIndexOf(NEWLINE);
      if (end < 0) {
        rest.push(chunk);
        restBytes += chunk.length;
        if (restBytes > MAX_LINE_BYTES) throw tooLong(path, first);
        continue;
      }
      const whole = rest.length > 0 ? Buffer.concat([...rest, chunk.subarray(0, end)]) : chunk.subarray(0, end);
      rest = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
      restBytes = chunk.length - end - 1;
      yield batchOf(whole);
    }
  } catch (cause) {
    if (cause instanceof ImportFormatError || signal?.aborted) throw cause;
    throw new ImportFormatError(`Freshet cannot read ${path} beyond line ${first}: ${messageOf(cause)}.`, {
      next: compressed ? `test the archive: gzip -t ${path}` : 'check the file and its disk',
      details: { path, line: first },
      cause,
    });
  } finally {
    source.destroy();
    file.destroy();
  }
  report();
  if (restBytes > 0) yield batchOf(Buffer.concat(rest));
}

function tooLong(path: string, line: number): ImportFormatError {
  return new ImportFormatError(`Line ${line} of ${path} is longer than ${MAX_LINE_BYTES / 1024 / 1024} MB.`, {
    next: 'write the data with one row per line',
    details: { path, line },
  });
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

function decode(bytes: Buffer, first: number, otherwise: 'latin1' | 'reject'): LineBatch {
  if (isUtf8(bytes)) return { first, lines: splitLines(bytes.toString('utf8')) };
  // Decides per line: a Latin-1 line that is also valid UTF-8 is almost always ASCII.
  const lines: string[] = [];
  const undecodable = new Set<number>();
  for (let start = 0; start <= bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    const valid = isUtf8(line);
    if (!valid && otherwise === 'reject') undecodable.add(lines.length);
    lines.push(trimReturn(line.toString(valid ? 'utf8' : 'latin1')));
    start = end + 1;
  }
  return undecodable.size > 0 ? { first, lines, undecodable } : { first, lines };
}

function splitLines(text: string): string[] {
  const lines = text.split('\n');
  return text.includes('\r') ? lines.map(trimReturn) : lines;
}

const trimReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

/** The rejection of a line that is not UTF-8. */
export const rejectEncoding = (line: number) =>
  reject(line, 'FRESHET_IMPORT_ROW_ENCODING', 'the line is not valid UTF-8');

/** Drafts from a file with one row per line, or with several events in a line. Skips empty lines, and the lines before number `from`. */
export async function* draftsByLine(
  batches: AsyncIterable<LineBatch>,
  from: number,
  draftOf: (text: string, line: number) => Draft | readonly Draft[],
): AsyncGenerator<Draft[], void, undefined> {
  for await (const { first, lines, undecodable } of batches) {
    const drafts: Draft[] = [];
    for (let i = Math.max(0, from - first); i < lines.length; i++) {
      const text = lines[i] as string;
      if (undecodable?.has(i)) drafts.push(rejectEncoding(first + i));
      else if (text !== '' && text.trim() !== '') {
        const made = draftOf(text, first + i);
        if ('kind' in made) drafts.push(made);
        else drafts.push(...made);
      }
    }
    yield drafts;
  }
}
