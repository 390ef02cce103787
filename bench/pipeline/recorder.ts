/**
 * Records the SQLite statements of a projection, so that a benchmark can run the same statements with the same values
 * without the log, the codec and the fold: the speed that SQLite alone allows.
 */
import type { Database as Db, Statement } from 'better-sqlite3';

type Call = { sql: number; how: 'run' | 'get' | 'all'; values: unknown[] };

export interface Recording {
  /** A database that records each executed statement. */
  record(db: Db): Db;
  /** Ends a transaction. */
  cut(): void;
  /**
   * Runs the record on an empty database with the same tables: each call runs the statements recorded since the call
   * before, drops them, and returns the seconds.
   */
  onto(db: Db): () => number;
}

export function createRecording(): Recording {
  const statements: string[] = [];
  const batches: Call[][] = [[]];

  const record = (db: Db): Db =>
    new Proxy(db, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (name !== 'prepare') return typeof member === 'function' ? member.bind(target) : member;
        return (sql: string) => recordStatement(target.prepare(sql), statements.push(sql) - 1);
      },
    });

  const recordStatement = (statement: Statement, sql: number): Statement =>
    new Proxy(statement, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (name !== 'run' && name !== 'get' && name !== 'all')
          return typeof member === 'function' ? member.bind(target) : member;
        return (...values: unknown[]) => {
          batches.at(-1)?.push({ sql, how: name, values });
          return (member as (...args: unknown[]) => unknown).apply(target, values);
        };
      },
    });

  return {
    record,
    cut: () => void batches.push([]),
    onto: (db) => {
      const prepared: Statement[] = [];
      const runBatch = db.transaction((batch: Call[]) => {
        for (const { sql, how, values } of batch) (prepared[sql] as Statement)[how](...values);
      });
      return () => {
        for (const sql of statements.slice(prepared.length)) prepared.push(db.prepare(sql));
        const started = performance.now();
        for (const batch of batches) if (batch.length > 0) runBatch.immediate(batch);
        const seconds = (performance.now() - started) / 1000;
        batches.splice(0, batches.length, []);
        return seconds;
      };
    },
  };
}
