import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataFolderUnusableError, messageOf } from '../errors.ts';

/** How much the sorter keeps in memory before it writes a sorted run to a temporary file. */
export const SORT_LIMITS = {
  /** About 150 MB with the payloads of ratings. */
  rows: 2_000_000,
  /** For rows with long payloads. */
  bytes: 256 * 1024 * 1024,
} as const;

/** A row to sort. `file` is the index of the file in the plan, `line` the number of the line, from 1. */
export interface SortRow {
  time: number;
  file: number;
  line: number;
  payload: string;
}

/** Sorts rows by time. Rows with equal times keep the order in which the caller added them. */
export interface Sorter {
  add(time: number, file: number, line: number, payload: string): void;
  /** Call it once, after the last `add`. */
  sorted(): Generator<SortRow, void, undefined>;
  rows(): number;
  /** Frees memory and temporary files. You may call it at any time, and twice. */
  close(): void;
}

export interface SorterOptions {
  maxRows?: number | undefined;
  maxBytes?: number | undefined;
  tempFolder?: string | undefined;
}

/**
 * External merge sort. In memory, rows are typed arrays and one buffer of payloads, because two million small objects
 * cost the garbage collector more than the sorting itself. Beyond the limits, sorted runs go to temporary files, and one
 * merge reads them all (25 million rows make 13 runs). Throws DataFolderUnusableError if it cannot write them.
 */
export function createSorter({
  maxRows = SORT_LIMITS.rows,
  maxBytes = SORT_LIMITS.bytes,
  tempFolder = tmpdir(),
}: SorterOptions = {}): Sorter {
  let memory = createRun();
  let total = 0;
  const runs: FileRun[] = [];
  let folder: string | undefined;

  function spill(): void {
    try {
      folder ??= mkdtempSync(join(tempFolder, 'freshet-import-'));
      runs.push(writeRun(join(folder, `run-${runs.length}`), memory.sorted()));
    } catch (cause) {
      throw new DataFolderUnusableError(`Freshet cannot sort the rows in ${tempFolder}: ${messageOf(cause)}.`, {
        next: 'free disk space there, or name another folder: TMPDIR=/path freshet import ...',
        details: { folder: tempFolder, rows: total },
        cause,
      });
    }
    memory = createRun();
  }

  return {
    add(time, file, line, payload) {
      if (memory.rows() >= maxRows || memory.bytes() >= maxBytes) spill();
      memory.add(time, file, line, payload);
      total++;
    },
    *sorted() {
      if (runs.length === 0) return yield* memory.sorted();
      if (memory.rows() > 0) spill();
      yield* mergeSorted(runs.map((run) => run.read()));
    },
    rows: () => total,
    close() {
      memory = createRun();
      for (const run of runs.splice(0)) run.close();
      if (folder) rmSync(folder, { recursive: true, force: true });
      folder = undefined;
    },
  };
}

// --- in memory ----------------------------------------------------------------------------------------------------

function createRun() {
  let rows = 0;
  let bytes = 0;
  let times = new Float64Array(1024);
  let files = new Uint32Array(1024);
  let lines = new Uint32Array(1024);
  let ends = new Float64Array(1024);
  let payloads = Buffer.allocUnsafeSlow(64 * 1024);
  let inOrder = true;

  const grown = <T extends Float64Array | Uint32Array>(from: T, to: T): T => {
    to.set(from);
    return to;
  };

  return {
    rows: () => rows,
    bytes: () => bytes,
    add(time: number, file: number, line: number, payload: string): void {
      if (rows === times.length) {
        times = grown(times, new Float64Array(rows * 2));
        files = grown(files, new Uint32Array(rows * 2));
        lines = grown(lines, new Uint32Array(rows * 2));
        ends = grown(ends, new Float64Array(rows * 2));
      }
      // A UTF-16 unit takes at most three bytes of UTF-8.
      const needed = bytes + payload.length * 3;
      if (needed > payloads.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(needed, payloads.length * 2));
        payloads.copy(larger, 0, 0, bytes);
        payloads = larger;
      }
      if (rows > 0 && time < (times[rows - 1] as number)) inOrder = false;
      times[rows] = time;
      files[rows] = file;
      lines[rows] = line;
      bytes += payloads.write(payload, bytes, 'utf8');
      ends[rows] = bytes;
      rows++;
    },
    *sorted(): Generator<SortRow, void, undefined> {
      const order = inOrder ? undefined : orderOf(times.subarray(0, rows));
      for (let i = 0; i < rows; i++) {
        const row = order ? (order[i] as number) : i;
        const start = row === 0 ? 0 : (ends[row - 1] as number);
        yield {
          time: times[row] as number,
          file: files[row] as number,
          line: lines[row] as number,
          payload: payloads.toString('utf8', start, ends[row] as number),
        };
      }
    },
  };
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/**
 * Indexes in order of time, stable: a radix sort by bytes, which takes 1.2 s for five million rows; a sort with a compare
 * function took about 25 s. The bits of floating-point numbers have the order of integers once those of negative ones are
 * inverted (Terdiman 2000, "Radix Sort Revisited").
 */
function orderOf(times: Float64Array): Uint32Array {
  const rows = times.length;
  // Adding 0 turns -0 into 0, which has other bits.
  const words = new Uint32Array(times.map((time) => time + 0).buffer);
  const [low, high] = LITTLE_ENDIAN ? [0, 1] : [1, 0];
  for (let i = 0; i < words.length; i += 2) {
    const negative = (words[i + high] as number) >>> 31 === 1;
    words[i + high] = (words[i + high] as number) ^ (negative ? 0xffffffff : 0x80000000);
    if (negative) words[i + low] = (words[i + low] as number) ^ 0xffffffff;
  }
  let order = new Uint32Array(rows);
  let next = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) order[i] = i;
  for (let byte = 0; byte < 8; byte++) {
    const word = byte < 4 ? low : high;
    const shift = (byte % 4) * 8;
    const places = new Uint32Array(256);
    for (let i = word; i < words.length; i += 2) {
      const digit = ((words[i] as number) >>> shift) & 255;
      places[digit] = (places[digit] as number) + 1;
    }
    if (places.includes(rows)) continue;
    let place = 0;
    for (let digit = 0; digit < 256; digit++) {
      const count = places[digit] as number;
      places[digit] = place;
      place += count;
    }
    for (let i = 0; i < rows; i++) {
      const row = order[i] as number;
      const digit = ((words[2 * row + word] as number) >>> shift) & 255;
      const to = places[digit] as number;
      places[digit] = to + 1;
      next[to] = row;
    }
    [order, next] = [next, order];
  }
  return order;
}

// --- in files -----------------------------------------------------------------------------------------------------

interface FileRun {
  read(): Generator<SortRow, void, undefined>;
  close(): void;
}

/** Bytes before each payload: time (float64), file (uint32), line (uint32), length of the payload (uint32). */
const HEAD = 20;
const BLOCK = 1024 * 1024;

function writeRun(path: string, rows: Iterable<SortRow>): FileRun {
  const fd = openSync(path, 'wx+', 0o600);
  try {
    // A file without a name disappears with the process, even if it is killed. Windows refuses; there close() deletes it.
    rmSync(path, { force: true });
  } catch {}
  let open = true;
  const close = () => {
    if (open) closeSync(fd);
    open = false;
  };
  try {
    let block = Buffer.allocUnsafeSlow(BLOCK);
    let used = 0;
    for (const { time, file, line, payload } of rows) {
      const needed = HEAD + payload.length * 3;
      if (used + needed > block.length) {
        writeAll(fd, block, used);
        used = 0;
        if (needed > block.length) block = Buffer.allocUnsafeSlow(needed);
      }
      const length = block.write(payload, used + HEAD, 'utf8');
      block.writeDoubleLE(time, used);
      block.writeUInt32LE(file, used + 8);
      block.writeUInt32LE(line, used + 12);
      block.writeUInt32LE(length, used + 16);
      used += HEAD + length;
    }
    writeAll(fd, block, used);
  } catch (err) {
    close();
    throw err;
  }
  return { read: () => readRun(fd), close };
}

function writeAll(fd: number, block: Buffer, length: number): void {
  for (let written = 0; written < length; ) written += writeSync(fd, block, written, length - written);
}

function* readRun(fd: number): Generator<SortRow, void, undefined> {
  let block = Buffer.allocUnsafeSlow(BLOCK / 4);
  let start = 0;
  let end = 0;
  let position = 0;

  /** Reads until the block holds `bytes` from `start` on. False at the end of the file. */
  const have = (bytes: number): boolean => {
    if (end - start >= bytes) return true;
    const larger = bytes > block.length ? Buffer.allocUnsafeSlow(bytes) : block;
    block.copy(larger, 0, start, end);
    block = larger;
    end -= start;
    start = 0;
    while (end < bytes) {
      const read = readSync(fd, block, end, block.length - end, position);
      if (read === 0) return false;
      position += read;
      end += read;
    }
    return true;
  };

  while (have(HEAD)) {
    const time = block.readDoubleLE(start);
    const file = block.readUInt32LE(start + 8);
    const line = block.readUInt32LE(start + 12);
    const length = block.readUInt32LE(start + 16);
    if (!have(HEAD + length)) throw new Error('A temporary file of the sort ends early.');
    const payload = block.toString('utf8', start + HEAD, start + HEAD + length);
    start += HEAD + length;
    yield { time, file, line, payload };
  }
}

// --- merging ------------------------------------------------------------------------------------------------------

interface Head<T> {
  row: T;
  source: number;
}

/** Merges sources that are sorted by time. Of rows with equal times, those of an earlier source come first. */
export function* mergeSorted<T extends { time: number }>(
  sources: readonly Iterator<T, void, undefined>[],
): Generator<T, void, undefined> {
  const heap: Head<T>[] = [];
  const before = (a: Head<T>, b: Head<T>) =>
    a.row.time < b.row.time || (a.row.time === b.row.time && a.source < b.source);

  const sink = (from: number): void => {
    const head = heap[from] as Head<T>;
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Head<T>, heap[child] as Head<T>)) child++;
      if (!before(heap[child] as Head<T>, head)) break;
      heap[i] = heap[child] as Head<T>;
      i = child;
    }
    heap[i] = head;
  };

  sources.forEach((iterator, source) => {
    const { value, done } = iterator.next();
    if (!done) heap.push({ row: value as T, source });
  });
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(i);
  while (heap.length > 0) {
    const head = heap[0] as Head<T>;
    yield head.row;
    const { value, done } = (sources[head.source] as Iterator<T, void, undefined>).next();
    if (done) {
      const last = heap.pop() as Head<T>;
      if (heap.length === 0) return;
      heap[0] = last;
    } else {
      heap[0] = { row: value as T, source: head.source };
    }
    sink(0);
  }
}
