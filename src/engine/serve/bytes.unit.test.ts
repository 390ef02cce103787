/** Caches of the engine that are bounded by bytes, filled with entries as large as they come. */
import { describe, expect, it } from 'vitest';
import { entriesBytes } from './bytes.ts';
import { type CachedList, createCachedLists } from './cached-lists.ts';
import { createPages, parseCursor } from './pages.ts';

const MANY = 200;
const ITEMS = 1_000;
/** Ids of 128 characters, as long as an id may be. */
const longId = (n: number): string => `${n}`.padStart(128, 'i');
const idsOf = (n: number): string[] => Array.from({ length: ITEMS }, (_, i) => longId(n * ITEMS + i));
const ROOM = 10;
const MAX_BYTES = ROOM * entriesBytes(longId(0), idsOf(0));

describe('cached lists', () => {
  it('have no more bytes than the setting, however few they are: the list least recently used goes', () => {
    const lists = createCachedLists(10_000, MAX_BYTES);
    const listOf = (n: number): CachedList => ({
      items: idsOf(n).map((item) => ({ item, score: 1 })),
      marks: idsOf(n).map((_, i) => i),
      seq: 1,
      at: 0,
      source: 'model',
      moved: false,
    });
    for (let n = 0; n < MANY; n++) lists.keep(longId(n), listOf(n));
    const kept = Array.from({ length: MANY }, (_, n) => n).filter((n) => lists.get(longId(n)) !== undefined);
    expect(kept).toEqual(Array.from({ length: ROOM }, (_, n) => MANY - ROOM + n));
  });
});

describe('answers whose next page a caller may request', () => {
  it('have no more bytes than the setting: the oldest cursor continues by position', () => {
    const pages = createPages(10_000, MAX_BYTES);
    const cursors = Array.from({ length: MANY }, (_, n) =>
      parseCursor(pages.next({ offset: ITEMS, list: `list-${n}` }, longId(0), new Set(idsOf(n)))),
    );
    const kept = cursors.filter((cursor) => pages.shownBefore(cursor, longId(0)) !== undefined);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThanOrEqual(ROOM + 1);
    expect(kept.at(-1)).toEqual(cursors.at(-1));
    expect(pages.shownBefore(cursors[0], longId(0))).toBeUndefined();
  });
});
