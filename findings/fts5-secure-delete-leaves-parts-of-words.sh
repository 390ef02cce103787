#!/usr/bin/env bash
# Versions:  better-sqlite3 (npm) 12.11.1 with SQLite 3.53.2, Node 20.20.2 on Linux x64.
# Belief:    with its option `secure-delete` an FTS5 table holds nothing of a deleted row, so a copy of the database by
#            `VACUUM INTO` holds nothing either.
# Behaviour: a part of a deleted word stays in the copy, since FTS5 keeps beginnings of words to find its pages. And to
#            delete a row takes tens of times as long. `optimize`, which merges all parts of the index, followed by `VACUUM`
#            leaves nothing, also without the option.
# Output:    SQLite 3.53.2: 20000 replaced rows, processor time 14078 ms with secure-delete, 408 ms without
#            deleted words in the copy: 1 with secure-delete, 317 without; after optimize and VACUUM: 0 and 0
# The check requires a word in the first copy with secure-delete, and none after optimize and VACUUM.
set -Eeuo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund better-sqlite3@12.11.1

cat >run.cjs <<'END'
const { readFileSync } = require('node:fs');
const Database = require('better-sqlite3');

const ROWS = 20_000;
const BATCH = 200;
const gone = (n) => `geheimwort${((n * 7919) % ROWS).toString(36)}zq sea of ${n % 500}`;
const words = (file) => readFileSync(file, 'latin1').split('geheimwort').length - 1;

function tryTable(secure) {
  const file = `${secure}.db`;
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.exec(`CREATE VIRTUAL TABLE t USING fts5 (title, tags, content = '', prefix = '2 3')`);
  if (secure) db.exec(`INSERT INTO t (t, rank) VALUES ('secure-delete', 1)`);
  const add = db.prepare('INSERT INTO t (rowid, title, tags) VALUES (?, ?, ?)');
  const remove = db.prepare(`INSERT INTO t (t, rowid, title, tags) VALUES ('delete', ?, ?, ?)`);
  const each = (work) => {
    for (let from = 0; from < ROWS; from += BATCH)
      db.transaction(() => {
        for (let n = from; n < from + BATCH; n++) work(n, `tag${n % 50}`);
      })();
  };
  each((n, tag) => add.run(n + 1, gone(n), tag));
  const before = process.cpuUsage();
  each((n, tag) => {
    remove.run(n + 1, gone(n), tag);
    add.run(n + 1, `harmless sea of ${n % 500}`, tag);
  });
  const { user, system } = process.cpuUsage(before);
  db.prepare('VACUUM INTO ?').run(`${file}.copy`);
  db.close();
  const first = words(`${file}.copy`);
  const copy = new Database(`${file}.copy`);
  copy.exec(`INSERT INTO t (t) VALUES ('optimize'); VACUUM`);
  copy.close();
  return { ms: Math.round((user + system) / 1000), first, merged: words(`${file}.copy`) };
}

const secure = tryTable(true);
const plain = tryTable(false);
const version = new Database(':memory:').prepare('SELECT sqlite_version()').pluck().get();
console.log(
  `SQLite ${version}: ${ROWS} replaced rows, processor time ${secure.ms} ms with secure-delete, ${plain.ms} ms without`,
);
console.log(
  `deleted words in the copy: ${secure.first} with secure-delete, ${plain.first} without; after optimize and VACUUM: ${secure.merged} and ${plain.merged}`,
);
process.exitCode = secure.first > 0 && secure.merged === 0 && plain.merged === 0 ? 0 : 1;
END
node run.cjs
