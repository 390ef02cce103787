/** A database that fails at a statement drawn beforehand: the process dies there, or the disk has no room for a while. */
import type { Database, Statement } from 'better-sqlite3';

export interface Failing {
  wrap(db: Database): Database;
  /** After so many more statements all of them fail, until `heal`. */
  after(statements: number): void;
  heal(): void;
  /** Whether a statement has failed because of it. */
  readonly hit: boolean;
}

export function createFailing(): Failing {
  let left = Number.POSITIVE_INFINITY;
  let hit = false;

  const count = (): void => {
    if (--left > 0) return;
    hit = true;
    // As SQLite reports a write that the disk refuses: nothing of the transaction may count.
    throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_WRITE' });
  };
  const watched = (statement: Statement): Statement =>
    new Proxy(statement, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== 'function') return member;
        if (name !== 'run') return member.bind(target);
        return (...values: unknown[]) => {
          count();
          return (member as (...args: unknown[]) => unknown).apply(target, values);
        };
      },
    });

  return {
    wrap: (db) =>
      new Proxy(db, {
        get(target, name) {
          const member = Reflect.get(target, name) as unknown;
          if (name === 'prepare') return (sql: string) => watched(target.prepare(sql));
          return typeof member === 'function' ? member.bind(target) : member;
        },
      }),
    after: (statements) => {
      left = statements;
      hit = false;
    },
    heal: () => {
      left = Number.POSITIVE_INFINITY;
      hit = false;
    },
    get hit() {
      return hit;
    },
  };
}
