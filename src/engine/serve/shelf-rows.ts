/** The rows that a page of shelves is made from: the user's list, new items, trending items, and what goes with recent ones. */
import { itemId, userId } from '../../bus/event/ids.ts';
import type { ListSource, Model } from '../model/mod.ts';
import { joinRules, parseRules } from '../rerank/request.ts';
import type { Rules } from '../rerank/rules.ts';
import { arrange, inOrder, type Shelf } from '../rerank/shelves.ts';
import type { ListItem } from './lists.ts';

export interface ShelvesRequest {
  user: string;
  /** Rows at most. */
  rows: number;
  /** Items in a row at most. */
  n: number;
  exclude: readonly string[];
  rules: Rules | undefined;
}

export interface TitledRow extends Shelf<ListItem> {
  title: string;
  source: ListSource;
}

interface Row {
  items: ListItem[];
  source: ListSource;
}

/** How the engine makes the list of one row. */
export interface RowSources {
  /** A user's list under re-ranking rules beside those of the configuration. */
  forUser(user: string, count: number, of: { exclude: readonly string[]; rules: Rules | undefined }): Row;
  similar(item: string, count: number, rules: Rules | undefined): Row;
  trending(count: number, rules: Rules | undefined): Row;
  isWithdrawn(item: string): boolean;
}

/** Newest events whose items get a row of items that go with them. These items themselves are in no row. */
const RECENT_EVENTS = 200;
/** Days for which an item counts as new. */
const NEW_DAYS = 30;
/** Fewest items of a row; the engine leaves out shorter rows. */
const LEAST_ON_SHELF = 3;
const SHELF_TITLES: Readonly<Record<string, string>> = { 'for-you': 'For you', new: 'New', trending: 'Popular now' };

/** Several titled rows with no item twice, in the order in which a page shows them. */
export function titledRows(
  model: Model,
  { user, rows, n, exclude, rules }: ShelvesRequest,
  { forUser, similar, trending, isWithdrawn }: RowSources,
): TitledRow[] {
  // A row loses the items of the rows above it, so each row has some to spare.
  const reach = n * rows + exclude.length;
  const made: (Shelf<ListItem> & { source: ListSource })[] = [];
  const row = (kind: string, { items, source }: Row, of?: string): void =>
    void made.push({ kind, items, source, ...(of === undefined ? {} : { of }) });
  const recent = new Set<string>(model.history(userId(user), RECENT_EVENTS).map(({ item }) => item));
  const because = [...recent].slice(0, rows);
  const goesWith = (item: string): void => row('because', similar(item, reach, rules), item);
  const fresh = parseRules({ filter: { listed: { $gte: `now-${NEW_DAYS}d` } } }, { n, at: model.clock });
  const joined = rules && fresh ? joinRules(rules, fresh) : fresh;
  // With few rows, one of each kind comes before a second one of any kind.
  row('for-you', forUser(user, n + exclude.length, { exclude, rules }));
  for (const item of because.slice(0, 1)) goesWith(item);
  row('new', forUser(user, reach, { exclude, rules: joined }));
  row('trending', trending(reach, rules));
  for (const item of because.slice(1)) goesWith(item);
  const out = new Set([...exclude, ...recent]);
  const shown = made.map((one) => ({
    ...one,
    items: one.items.filter(({ item }) => !out.has(item) && !isWithdrawn(item)),
  }));
  const shelves = inOrder(arrange(shown, n, Math.min(n, LEAST_ON_SHELF)).slice(0, rows));
  return shelves.map((shelf) => ({ ...(shelf as (typeof made)[number]), title: titleOf(model, shelf) }));
}

function titleOf(model: Model, { kind, of }: Shelf<ListItem>): string {
  if (of === undefined) return SHELF_TITLES[kind] ?? kind;
  return `Because of ${model.item(itemId(of))?.fields.title ?? of}`;
}
