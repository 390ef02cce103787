#!/usr/bin/env bash
# Versions:  better-sqlite3 (npm) 12.11.1 with SQLite 3.53.2, Node 20.20.2 on Linux x64.
# Belief:    with `PRAGMA secure_delete = ON` SQLite overwrites deleted content with zeros, so no byte of deleted rows is
#            left in the file.
# Behaviour: copies of some deleted rows stay in the file, in the free space of a page. How many depends on the layout of
#            the table; `VACUUM` leaves none.
# Output:    SQLite 3.53.2: tables tried: 21; tables in which deleted rows were left: 20
#            rows left in them: 6 6 9 9 8 7 5 4 3 2 8 7 6 5 6 5 4 3 3 2; after VACUUM: 0 in all
# The check requires rows in at least one table before VACUUM, and none after it.
set -Eeuo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund better-sqlite3@12.11.1

cat >run.cjs <<'END'
const { readFileSync } = require('node:fs');
const Database = require('better-sqlite3');

const gone = (n) => `test/gone-${n}.`;

/** Deleted rows whose key is still in the file, before and after VACUUM, in a table of so many rows of each kind. */
function tryTable(rows) {
  const file = `${rows}.db`;
  const open = () => {
    const db = new Database(file);
    db.pragma('secure_delete = ON');
    return db;
  };
  let db = open();
  db.exec(`CREATE TABLE t (key TEXT PRIMARY KEY, seq INTEGER NOT NULL, n INTEGER NOT NULL, owner INTEGER) WITHOUT ROWID;
    CREATE INDEX t_owner ON t (owner)`);
  const add = db.prepare('INSERT INTO t VALUES (?, ?, ?, ?)');
  db.transaction(() => {
    for (let n = 0; n < rows; n++) {
      add.run(`test/e${3 * n}.`, 3 * n, n * 1e12, 1);
      add.run(gone(n), 3 * n + 1, n * 1e12, 1);
      add.run(`test/e${3 * n + 1}.`, 3 * n + 2, n * 1e12, 2);
    }
  })();
  db.close();
  db = open();
  db.exec('DELETE FROM t WHERE owner = 1');
  const left = () => {
    const bytes = readFileSync(file);
    return Array.from({ length: rows }, (_, n) => gone(n)).filter((key) => bytes.includes(key)).length;
  };
  const before = left();
  db.exec('VACUUM');
  const after = left();
  db.close();
  return { before, after };
}

const tried = Array.from({ length: 21 }, (_, n) => tryTable(300 + n));
const some = tried.filter(({ before }) => before > 0);
const clean = tried.every(({ after }) => after === 0);
const version = new Database(':memory:').prepare('SELECT sqlite_version()').pluck().get();
console.log(
  `SQLite ${version}: tables tried: ${tried.length}; tables in which deleted rows were left: ${some.length}`,
);
console.log(
  `rows left in them: ${some.map(({ before }) => before).join(' ')}; after VACUUM: ${clean ? '0 in all' : 'some'}`,
);
process.exitCode = some.length > 0 && clean ? 0 : 1;
END
node run.cjs
