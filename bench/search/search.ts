/**
 * Searches of a whole system over HTTP, beside the plain way to ask the same index in this process: every match ranked by
 * bm25, without filters, fields or availability. And what the index adds to the fold.
 */
import Database from 'better-sqlite3';
import type { ItemData } from '../../src/bus/event/types.ts';
import { projectionFiles } from '../../src/bus/projection/files.ts';
import { matchOf } from '../../src/content/search/words.ts';
import { drive } from '../load/drive.ts';
import { type Latency, latencyOf } from '../load/latency.ts';
import { load, startBenchSystem } from '../serving/system.ts';
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
  kind: Kind;
  /** 0: in this process. */
  callers: number;
  perSecond: number;
  latency: Latency;
  failed: number;
}

export interface SearchFigures {
  items: number;
  fold: FoldFigures;
  raw: SearchRow[];
  http: SearchRow[];
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
  const system = await startBenchSystem();
  try {
    say(`loads ${count} items into a system`);
    await load(system, events);
    const raw: SearchRow[] = [];
    const http: SearchRow[] = [];
    const db = new Database(projectionFiles(system.data, 'content').live, { readonly: true });
    const mostMatches = db
      .prepare<[string], number>('SELECT count(*) FROM index_text WHERE index_text MATCH ?')
      .pluck()
      .get(matchOf('the').anywhere) as number;
    for (const kind of KINDS) {
      say(`searches for ${kind}`);
      raw.push(rawRow(db, kind, items, seconds));
      for (const callers of concurrency) {
        const queries = queriesOf(kind, items);
        const path = (): string => `/v1/items?n=${N}&fields=title&q=${encodeURIComponent(queries.next().value)}`;
        const next = () => ({ method: 'GET' as const, path: path() });
        const driven = await drive({ url: system.http, connections: callers, seconds, next });
        const { connection, timeouts, status } = driven.errors;
        const failed = connection + timeouts + Object.values(status).reduce((sum, n) => sum + n, 0);
        http.push({ kind, callers, perSecond: driven.perSecond, latency: driven.latency, failed });
      }
    }
    db.close();
    return { items: count, fold, raw, http, mostMatches };
  } finally {
    await system.stop();
  }
}

/** The plain way: SQLite ranks all matches. */
function rawRow(db: Database.Database, kind: Kind, items: readonly ItemData[], seconds: number): SearchRow {
  const ask = db.prepare<[string], number>(
    `SELECT rowid FROM index_text WHERE index_text MATCH ? ORDER BY bm25(index_text, 10, 1, 0.25) LIMIT ${N}`,
  );
  const queries = queriesOf(kind, items);
  const took: number[] = [];
  const started = performance.now();
  while (performance.now() - started < seconds * 1000) {
    const from = performance.now();
    ask.all(matchOf(queries.next().value).anywhere);
    took.push(performance.now() - from);
  }
  const perSecond = (took.length * 1000) / (performance.now() - started);
  return { kind, callers: 0, perSecond, latency: latencyOf(took), failed: 0 };
}
