/** The write-ahead log of a projection shrinks again. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { countingProjection } from '../../../test/support/counting.ts';
import { codec, registered, stored, viewed } from '../../../test/support/events.ts';
import { useServices } from '../../../test/support/services.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { openStore } from './store.ts';

const WAL_BYTES = 4_194_304;
/** Commits within which the log has shrunk: one copies its pages to the file, and the next one begins the log again. */
const COMMITS = 3;
const BATCH = 200;

describe('a write-ahead log that grew', () => {
  it('behind a long read is cut to the setting within a few commits after its end', () => {
    const file = join(tempDir('wal'), 'p.sqlite');
    const store = openStore({ file, definition: countingProjection(), codec, cacheKib: 1_024, walBytes: WAL_BYTES });
    let seq = 1;
    const commit = (): void => {
      const events = Array.from({ length: BATCH }, (_, n) => viewed(`user-${(seq + n * 7_919) % 100_000}`, 'a'));
      store.commit(stored(events, seq), 'now');
      seq += BATCH;
    };
    const walBytes = (): number => statSync(`${file}-wal`).size;
    commit();
    const reader = new Database(file, { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM note').get();
    while (walBytes() < 3 * WAL_BYTES) commit();
    reader.exec('COMMIT');
    for (let n = 0; n < COMMITS; n++) commit();
    expect(walBytes()).toBeLessThanOrEqual(WAL_BYTES);
    reader.close();
    store.close();
  });
});

describe('a running service', () => {
  const walBytes = 5_000_000;
  const services = useServices('wal', { settings: { projection: { wal_bytes: walBytes } } });

  it('cuts the write-ahead log of its projection to its setting', async () => {
    const user = await services.start('user');
    const file = join(services.data, 'user.sqlite');
    const size = (): number => statSync(`${file}-wal`).size;
    const long = 'x'.repeat(10_000);
    const publish = async (from: number, count: number): Promise<void> => {
      const events = Array.from({ length: count }, (_, n) => registered(`user-${from + n}`, { long, more: long }));
      await services.caughtUp(await services.publish(...events), user);
    };
    await publish(0, 1);
    const reader = new Database(file, { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM identity').get();
    for (let n = 0; size() < 2 * walBytes; n++) await publish(1 + n * 50, 50);
    reader.exec('COMMIT');
    reader.close();
    for (let n = 0; n < COMMITS; n++) await publish(100_000 + n, 1);
    expect(size()).toBeLessThanOrEqual(walBytes);
  });
});
