/** Numbers equal rows of interactions, as docs/decisions/0041-identity-of-an-imported-row.md says. */

/** Numbers equal rows. The caller must pass rows in order of time, and rows with equal times file by file. */
export type Ordinals = (time: number, content: string, file: number) => number;

/** A row that an earlier file of the import holds as well: the index of that file, as a negative number. */
const repeatOf = (file: number): number => -1 - file;
/** The index of the earlier file, or undefined for the ordinal of a row that counts. */
export const earlierFile = (ordinal: number): number | undefined => (ordinal < 0 ? -1 - ordinal : undefined);

/**
 * Numbers equal rows within their file: two equal rows of a file are two events (somebody bought the same thing twice in a
 * second). Equal rows of different files are the same events, so that overlapping exports count once; of the numbers of
 * equal rows in the files the largest counts. It remembers only the rows of the current time, and hashes of rows without a
 * time.
 *
 * @param files number of files with interactions
 */
export function createOrdinals(files: number): Ordinals {
  const timed = files > 1 ? acrossFiles() : withinFile();
  let untimed: Ordinals | undefined;
  return (time, content, file) => {
    if (Number.isFinite(time)) return timed(time, content, file);
    untimed ??= withoutTime();
    return untimed(time, content, file);
  };
}

function withinFile(): Ordinals {
  let current = Number.NaN;
  let first = '';
  const seen = new Map<string, number>();
  return (time, content) => {
    if (time !== current) {
      // Most times have only one row, which needs no map.
      current = time;
      first = content;
      if (seen.size > 0) seen.clear();
      return 0;
    }
    if (seen.size === 0) seen.set(first, 1);
    const ordinal = seen.get(content) ?? 0;
    seen.set(content, ordinal + 1);
    return ordinal;
  };
}

interface EqualRows {
  /** The file that the latest one comes from, and how many of them it holds. */
  file: number;
  inFile: number;
  /** The file of the first one. */
  first: number;
  events: number;
}

function acrossFiles(): Ordinals {
  let current = Number.NaN;
  let firstContent = '';
  let firstFile = 0;
  const seen = new Map<string, EqualRows>();
  const start = (content: string, file: number): void => {
    seen.set(content, { file, inFile: 1, first: file, events: 1 });
  };
  return (time, content, file) => {
    if (time !== current) {
      current = time;
      firstContent = content;
      firstFile = file;
      if (seen.size > 0) seen.clear();
      return 0;
    }
    if (seen.size === 0) start(firstContent, firstFile);
    const equal = seen.get(content);
    if (!equal) {
      start(content, file);
      return 0;
    }
    if (equal.file !== file) {
      equal.file = file;
      equal.inFile = 0;
    }
    if (++equal.inFile <= equal.events) return repeatOf(equal.first);
    return equal.events++;
  };
}

// --- rows without a time --------------------------------------------------------------------------------------------

/**
 * The same for rows without a time, which are all of one time: a hash table with 24 bytes for each different row, because
 * a map of 17 million rows is beyond the limit of JavaScript. Two rows share a hash of 64 bits with a probability of 1e-5
 * among 17 million.
 */
function withoutTime(): Ordinals {
  let size = 1024;
  let used = 0;
  let table = createTable(size);

  const slotOf = (high: number, low: number): number => {
    let slot = low & (size - 1);
    while (table.events[slot] !== 0 && (table.high[slot] !== high || table.low[slot] !== low))
      slot = (slot + 1) & (size - 1);
    return slot;
  };
  const grow = (): void => {
    const old = table;
    size *= 2;
    table = createTable(size);
    for (let i = 0; i < old.events.length; i++) {
      if (old.events[i] === 0) continue;
      const slot = slotOf(old.high[i] as number, old.low[i] as number);
      for (const name of COLUMNS) table[name][slot] = old[name][i] as number;
    }
  };

  return (_time, content, file) => {
    const high = hashOf(content, 0x811c9dc5);
    const low = hashOf(content, 0x9e3779b9);
    const slot = slotOf(high, low);
    if (table.events[slot] === 0) {
      table.high[slot] = high;
      table.low[slot] = low;
      table.file[slot] = file;
      table.first[slot] = file;
      table.inFile[slot] = 1;
      table.events[slot] = 1;
      if (++used * 2 > size) grow();
      return 0;
    }
    if (table.file[slot] !== file) {
      table.file[slot] = file;
      table.inFile[slot] = 0;
    }
    const inFile = (table.inFile[slot] as number) + 1;
    table.inFile[slot] = inFile;
    const events = table.events[slot] as number;
    if (inFile <= events) return repeatOf(table.first[slot] as number);
    table.events[slot] = events + 1;
    return events;
  };
}

const COLUMNS = ['high', 'low', 'file', 'first', 'inFile', 'events'] as const;

const createTable = (size: number) =>
  Object.fromEntries(COLUMNS.map((name) => [name, new Uint32Array(size)])) as Record<
    (typeof COLUMNS)[number],
    Uint32Array
  >;

/** FNV-1a with a finish that mixes all bits (MurmurHash3), 32 bits. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
