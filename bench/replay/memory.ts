/** Memory of a process, in MiB, and the part that is SQLite's page cache. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Database } from 'better-sqlite3';

export interface MemoryParts {
  /** Resident memory after a garbage collection. */
  resident: number;
  /** JavaScript objects. */
  heap: number;
  /** Buffers and typed arrays. */
  buffers: number;
  /** Most pages in the cache of the database: the smaller of cache and database. */
  cache: number;
}

const MIB = 1_048_576;

let collect: (() => void) | undefined;

/** Collects garbage and measures. */
export function memoryParts(db: Database): MemoryParts {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    resident: inMib(rss),
    heap: inMib(heapUsed),
    buffers: inMib(external),
    cache: inMib(Math.min(cacheBytes(db), numberOf(db, 'page_count') * numberOf(db, 'page_size'))),
  };
}

/** SQLite returns the size as a negative number of KiB, or as a number of pages. */
function cacheBytes(db: Database): number {
  const size = numberOf(db, 'cache_size');
  return size < 0 ? -size * 1024 : size * numberOf(db, 'page_size');
}

const numberOf = (db: Database, pragma: string): number => Number(db.pragma(pragma, { simple: true }));
const inMib = (bytes: number): number => Math.round(bytes / MIB);
