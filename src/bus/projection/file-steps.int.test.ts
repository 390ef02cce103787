/** A process is killed at each step of a cut-over: the next one finds one whole projection, and can rebuild again. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { countingProjection, stateOf } from '../../../test/support/counting.ts';
import { codec, stored, viewed } from '../../../test/support/events.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { foldVersion } from './definition.ts';
import { CUT_OVER_STEPS } from './file-steps.ts';
import { projectionFiles, replaceLiveFile, requestCutOver } from './files.ts';
import { openStore, type ProjectionStore } from './store.ts';

const CHILD = fileURLToPath(new URL('../../../test/support/cut-over.child.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
/** Dead letters that fill more than SQLite's cache, so that a transaction writes to the file before it is committed. */
const DEAD = 6_000;
const BYTES = 3_500;

const definition = countingProjection();
const version = foldVersion(definition);
const open = (file: string): ProjectionStore => openStore({ file, definition, codec, cacheKib: 1_024 });

/** A projection with dead letters whose copies the log does not tell. */
function fill(file: string, events: number, copied: 0 | 1): void {
  const store = open(file);
  store.commit(stored(Array.from({ length: events }, (_, i) => viewed(`u${i % 5}`, `i${i}`))), 'now');
  const add = store.db.prepare(`INSERT INTO dead_letter VALUES (?, 'ev.user.u1.viewed', zeroblob(?), 'X', 'x', ?)`);
  store.db.transaction(() => {
    for (let seq = 1; seq <= DEAD; seq++) add.run(seq + 1_000, BYTES, copied);
  })();
  store.close();
}

describe('a cut-over that is killed', () => {
  it.each(CUT_OVER_STEPS)('at the step %s is completed by the next process', (step) => {
    const folder = tempDir('steps');
    const files = projectionFiles(folder, 'user');
    fill(files.live, 20, 1);
    fill(files.rebuild, 30, 0);
    const child = spawnSync(process.execPath, ['--import', TSX, CHILD, folder, step], { encoding: 'utf8' });
    expect(child.signal, child.stderr).toBe('SIGKILL');

    // The rebuild is complete: a process before the rename requests the cut-over once more.
    if (existsSync(files.rebuild)) requestCutOver(files);
    if (existsSync(files.next)) expect(replaceLiveFile(files, version)).toBe(true);
    expect(readdirSync(folder).filter((name) => name !== 'user.sqlite')).toEqual([]);
    const store = open(files.live);
    expect(stateOf(store)).toMatchObject({ seq: 30, applied: 30 });
    expect(store.db.prepare('SELECT count(*) AS n, sum(copied) AS copied FROM dead_letter').get()).toEqual({
      n: DEAD,
      copied: DEAD,
    });
    expect(store.db.pragma('integrity_check', { simple: true })).toBe('ok');
    store.close();
  });
});

describe('a file of an earlier cut-over', () => {
  it('leaves no journal to the file that takes its name', () => {
    const folder = tempDir('steps');
    const files = projectionFiles(folder, 'user');
    fill(files.live, 20, 1);
    fill(files.rebuild, 30, 0);
    spawnSync(process.execPath, ['--import', TSX, CHILD, folder, 'inputs-copied']);
    expect(existsSync(`${files.next}-journal`)).toBe(true);
    fill(files.rebuild, 40, 0);
    requestCutOver(files);
    expect(existsSync(`${files.next}-journal`)).toBe(false);
    const db = new Database(join(folder, 'user.next.sqlite'));
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(db.prepare('SELECT seq FROM checkpoint').pluck().get()).toBe(40);
    db.close();
  });
});
