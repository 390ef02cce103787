/** Finds items by their words in a database of the catalogue. The thread of searches and the benchmark use it. */
import type { Database } from 'better-sqlite3';
import type { ItemData } from '../../bus/event/types.ts';
import { CATALOGUE_FIELDS, documentOf } from '../../items/document.ts';
import { fieldsOf, type ItemFields, type NamedFields } from '../../items/fields.ts';
import { parseFilter } from '../../items/filter.ts';
import type { Match } from './words.ts';

/** A search, checked. Plain data, for the thread. */
export interface SearchOrder {
  match: Match;
  /** Filters that items must pass, checked. */
  filters: readonly unknown[];
  /** The time of `now` in filters, milliseconds since 1970. */
  now: number;
  /** Whether withdrawn items match too. */
  withdrawn: boolean;
  fields: NamedFields;
  /** Most items of the answer. */
  n: number;
  /** Most items whose texts are ranked: if more match, half of them by their titles. */
  ranked: number;
}

export interface FoundItem {
  item: string;
  /** bm25; the larger, the better the texts fit. */
  score: number;
  available: boolean;
  fields: ItemFields;
  /** Bytes of these fields as JSON. */
  bytes: number;
}

export interface Found {
  /** Best first. */
  items: FoundItem[];
  /** Whether more items match. */
  more: boolean;
  /** Whether all items that match were ranked. */
  complete: boolean;
  /** Position of the rows. */
  seq: number;
}

/**
 * Weights of title, tags and attributes in bm25, so far apart that a word of the title counts for more than one of the tags,
 * and that for more than one of the attributes, if the texts of one item are up to four times as long as those of the other.
 */
export const WEIGHTS = [10, 1, 0.25] as const;

type Scored = [item: string, score: number];

/** @param db a database of the catalogue, which may be read-only */
export function createFinder(db: Database): (order: SearchOrder) => Found {
  // The newest matches first, since a search that matches very many items ranks only some of them. CROSS JOIN keeps the
  // index of texts outside: it gives the matches in this order and stops at the limit.
  const scan = (where: string) =>
    db
      .prepare<[string, number], Scored>(
        `SELECT item.item, -bm25(index_text, ${WEIGHTS.join(', ')}) AS score
         FROM index_text CROSS JOIN item ON item.published_seq = index_text.rowid
         WHERE index_text MATCH ? ${where} ORDER BY index_text.rowid DESC LIMIT ?`,
      )
      .raw();
  const all = scan('');
  const available = scan('AND NOT EXISTS (SELECT 1 FROM withdrawal WHERE withdrawal.item = item.item)');
  const count = db
    .prepare<[string, number], number>(
      'SELECT count(*) FROM (SELECT 1 FROM index_text WHERE index_text MATCH ? LIMIT ?)',
    )
    .pluck();
  const read = db.prepare<[string], { fields: string; withdrawn: number }>(
    `SELECT fields, EXISTS (SELECT 1 FROM withdrawal WHERE withdrawal.item = item.item) AS withdrawn
     FROM item WHERE item = ?`,
  );
  const position = db.prepare<[], number>('SELECT seq FROM checkpoint').pluck();

  function find({ match, filters, now, withdrawn, fields, n, ranked }: SearchOrder): Found {
    const tests = filters.map((filter) => parseFilter(filter, { now, fields: CATALOGUE_FIELDS }).test);
    const matches = withdrawn ? all : available;
    // To count takes a fraction of the time that it takes to rank.
    const complete = (count.get(match.anywhere, ranked + 1) as number) <= ranked;
    const items: FoundItem[] = [];
    let more = !complete;

    /** Adds the best of these. Returns whether the answer is full. */
    function take(scored: Scored[]): boolean {
      for (const [item, score] of scored.sort(byScore)) {
        const row = read.get(item);
        if (row === undefined) continue;
        const whole = JSON.parse(row.fields) as ItemData;
        if (tests.length > 0) {
          const document = documentOf(item, whole, 0);
          if (!tests.every((test) => test(document))) continue;
        }
        if (items.length === n) {
          more = true;
          return true;
        }
        const shown = fieldsOf({ fields: whole, listed: 0 }, fields);
        items.push({
          item,
          score,
          available: row.withdrawn === 0,
          fields: shown,
          bytes: Buffer.byteLength(JSON.stringify(shown)),
        });
      }
      return false;
    }

    if (complete) take(matches.all(match.anywhere, ranked));
    else {
      // A word of the title counts for the most, and an older item may have it.
      const half = Math.ceil(ranked / 2);
      const titled = matches.all(match.inTitle, half);
      const seen = new Set(titled.map(([item]) => item));
      if (!take(titled)) take(matches.all(match.anywhere, half).filter(([item]) => !seen.has(item)));
    }
    return { items, more, complete, seq: position.get() as number };
  }
  // One transaction, so that all reads are of one position.
  const inOne = db.transaction(find);
  return (order) => inOne.deferred(order);
}

/** Best first; items of equal scores in order of id. */
const byScore = ([a, first]: Scored, [b, second]: Scored): number => second - first || (a < b ? -1 : a > b ? 1 : 0);
