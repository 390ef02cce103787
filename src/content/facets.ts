/** What the catalogue holds: how many items have each tag and each attribute, and which items have only a title. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { ItemData } from '../bus/event/types.ts';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import { repeated } from '../bus/nats/repeated.ts';
import type { Config } from '../config/schema.ts';
import { contentRequests } from './requests.ts';

export interface FacetsAnswer {
  /** Items of the catalogue, also withdrawn ones. */
  items: number;
  withdrawn: number;
  /** Most frequent first. */
  tags: { tag: string; items: number }[];
  attributes: { attribute: string; items: number }[];
  /** Items without tag, attribute, description and embedding, that are not withdrawn: the first of them in order of id. */
  title_only: { count: number; items: { item: string; title: string }[] };
}

interface Counted {
  items: number;
  tags: Map<string, number>;
  attributes: Map<string, number>;
  titleOnly: { item: string; title: string }[];
  titleOnlyCount: number;
}

/** Items that the service reads until requests and events have their turn; a few milliseconds. */
const SLICE = 500;

/** Whether nothing but its title says what an item is like. */
const isTitleOnly = ({ tags = [], attributes = {}, description, embedding }: ItemData): boolean =>
  tags.length === 0 && Object.keys(attributes).length === 0 && description === undefined && embedding === undefined;

const mostFrequent = (counts: ReadonlyMap<string, number>, n: number): [string, number][] =>
  [...counts].sort(([a, m], [b, k]) => k - m || (a < b ? -1 : 1)).slice(0, n);

export function facetsEndpoint(db: Database, config: Config): Endpoint {
  const { facets_cache_ms, facets_max, facets_default } = config.content;
  const page = db.prepare<[string, number], { item: string; fields: string; withdrawn: number }>(
    `SELECT item, fields, EXISTS (SELECT 1 FROM withdrawal WHERE withdrawal.item = item.item) AS withdrawn
     FROM item WHERE item > ? ORDER BY item LIMIT ?`,
  );
  const withdrawn = db.prepare<[], number>('SELECT count(*) FROM withdrawal JOIN item USING (item)').pluck();

  // Reads the whole catalogue, so callers share the answer for a while.
  const count = repeated(async (): Promise<Counted> => {
    const counted: Counted = { items: 0, tags: new Map(), attributes: new Map(), titleOnly: [], titleOnlyCount: 0 };
    const add = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);
    for (let rows = page.all('', SLICE); rows.length > 0; rows = page.all(rows.at(-1)?.item ?? '', SLICE)) {
      for (const row of rows) {
        const fields = JSON.parse(row.fields) as ItemData;
        for (const tag of new Set(fields.tags ?? [])) add(counted.tags, tag);
        for (const name of Object.keys(fields.attributes ?? {})) add(counted.attributes, name);
        if (row.withdrawn === 0 && isTitleOnly(fields)) {
          counted.titleOnlyCount++;
          if (counted.titleOnly.length < facets_max) counted.titleOnly.push({ item: row.item, title: fields.title });
        }
      }
      counted.items += rows.length;
      await nextTurn();
    }
    return counted;
  }, facets_cache_ms);

  return defineEndpoint({
    description: 'What the catalogue holds: the most frequent tags and attributes, and items with a title alone',
    example: { n: 5 },
    request: contentRequests(config).facets,
    handle: async ({ n = facets_default }): Promise<FacetsAnswer> => {
      const { items, tags, attributes, titleOnly, titleOnlyCount } = await count();
      return {
        items,
        withdrawn: withdrawn.get() as number,
        tags: mostFrequent(tags, n).map(([tag, of]) => ({ tag, items: of })),
        attributes: mostFrequent(attributes, n).map(([attribute, of]) => ({ attribute, items: of })),
        title_only: { count: titleOnlyCount, items: titleOnly.slice(0, n) },
      };
    },
  });
}
