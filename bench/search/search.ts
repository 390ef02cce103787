/**
 * Searches of a whole system over HTTP, beside the plain way to ask the same index in this process: every match ranked by
 * bm25, without filters, fields or availability. And what the index adds to the fold.
 */
import Database from 'better-sqlite3';
import { call } from '../../src/bus/nats/micro.ts';
import { projectionFiles } from '../../src/bus/projection/files.ts';
import { completeConfig } from '../../src/config/load.ts';
import { createFinder, WEIGHTS } from '../../src/content/search/find.ts';
import { matchOf } from '../../src/content/search/words.ts';
import { parseFields } from '../../src/items/fields.ts';
import { cpuClock } from '../cpu-clock.ts';
import { drive } from '../load/drive.ts';
import { type Latency, latencyOf } from '../load/latency.ts';
import { publishInBulk, startBenchSystem, until } from '../serving/system.ts';
import { catalogueEvents } from './catalogue.ts';
import { type FoldFigures, foldCatalogue } from './fold.ts';
import { KINDS, type Kind, queriesOf } from './queries.ts';

export interface SearchBenchOptions {
  items: number;
  seconds: number;
  concurrency: readonly number[];
  say: (line: string) => void;
}

export interface SearchRow {
  /** A search, or the request for one item, which shows what HTTP and NATS take. */
  kind: Kind | 'item by id';
  /** `plain`: SQLite ranks all matches, in this process; `bounded`: as the thread of the service does it, in this process. */
  over: 'plain' | 'bounded' | 'HTTP';
  /** 0: in this process. */
  callers: number;
  /** Processor time of a search, milliseconds; other work on the machine hardly changes it. Of rows of this process. */
  processor?: Latency;
  perSecond: number;
  latency: Latency;
  failed: number;
}

export interface SearchFigures {
  items: number;
  fold: FoldFigures;
  rows: SearchRow[];
  /** Most items that a query of this run matched. */
  mostMatches: number;
}

const N = 20;

export async function runSearchBench(options: SearchBenchOptions): Promise<SearchFigures> {
  const { items: count, seconds, concurrency, say } = options;
  const events = [...catalogueEvents(count)];
  const items = events.map(({ data }) => data);
  say(`folds ${count} items with the index of texts and without it`);
  const fold = foldCatalogue(events);
  // Without the other services, which would go on working on the catalogue while this measures.
  const system = await startBenchSystem({ args: ['--no-demo', '--only', 'nats,content,gateway'] });
  try {
    say(`loads ${count} items into a system`);
    const seq = await publishInBulk(system, events);
    await until(async () => (await call<{ seq: number }>(system.nc, 'freshet.content.status', {})).seq >= seq);
    const rows: SearchRow[] = [];
    const db = new Database(projectionFiles(system.data, 'content').live, { readonly: true });
    const { plain, bounded } = inProcess(db);
    const mostMatches = db
      .prepare<[string], number>('SELECT count(*) FROM index_text WHERE index_text MATCH ?')
      .pluck()
      .get(matchOf('the').anywhere) as number;
    for (const kind of KINDS) {
      say(`searches for ${kind}`);
      rows.push({ kind, over: 'plain', ...timed(plain, queriesOf(kind, items), seconds) });
      rows.push({ kind, over: 'bounded', ...timed(bounded, queriesOf(kind, items), seconds) });
      const queries = queriesOf(kind, items);
      const path = (): string => `/v1/items?n=${N}&fields=title&q=${encodeURIComponent(queries.next().value)}`;
      for (const callers of concurrency) rows.push({ kind, ...(await overHttp(system.http, path, callers, seconds)) });
    }
    say('requests items by their ids');
    const item = (): string => '/v1/items/i1';
    for (const callers of concurrency)
      rows.push({ kind: 'item by id', ...(await overHttp(system.http, item, callers, seconds)) });
    db.close();
    return { items: count, fold, rows, mostMatches };
  } finally {
    await system.stop();
  }
}

async function overHttp(
  url: string,
  path: () => string,
  callers: number,
  seconds: number,
): Promise<Omit<SearchRow, 'kind'>> {
  const next = () => ({ method: 'GET' as const, path: path() });
  const { perSecond, latency, errors } = await drive({ url, connections: callers, seconds, next });
  const failed = errors.connection + errors.timeouts + Object.values(errors.status).reduce((sum, n) => sum + n, 0);
  return { over: 'HTTP', callers, perSecond, latency, failed };
}

/** Both ways to search in this process. */
function inProcess(db: Database.Database): Record<'plain' | 'bounded', (words: string) => unknown> {
  const { search_ranked: ranked, search_cache_kib } = completeConfig({}).content;
  db.pragma(`cache_size = -${search_cache_kib}`);
  const all = db.prepare<[string], number>(
    `SELECT rowid FROM index_text WHERE index_text MATCH ? ORDER BY bm25(index_text, ${WEIGHTS.join(', ')}) LIMIT ${N}`,
  );
  const find = createFinder(db);
  const fields = parseFields(['title']);
  return {
    plain: (words) => all.all(matchOf(words).anywhere),
    bounded: (words) => find({ match: matchOf(words), filters: [], now: 0, withdrawn: false, fields, n: N, ranked }),
  };
}

/** Searches one after another. */
function timed(
  search: (words: string) => unknown,
  queries: Generator<string, never>,
  seconds: number,
): Omit<SearchRow, 'kind' | 'over'> {
  const took: number[] = [];
  const worked: number[] = [];
  const started = performance.now();
  while (performance.now() - started < seconds * 1000) {
    const from = performance.now();
    const processor = cpuClock();
    search(queries.next().value);
    worked.push(processor() * 1000);
    took.push(performance.now() - from);
  }
  const perSecond = (took.length * 1000) / (performance.now() - started);
  return { callers: 0, perSecond, latency: latencyOf(took), processor: latencyOf(worked), failed: 0 };
}
