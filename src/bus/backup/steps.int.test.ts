/** A process is killed at each step of a backup and of a restore: nothing half made is taken for whole. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BackedUp, backUp, openBackedUp, restoreInto } from '../../../test/support/backups.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { makeTempDir, removeTempDir, tempDir } from '../../../test/support/tempdir.ts';
import { BACKUP_STEPS, RESTORE_STEPS } from '../projection/file-steps.ts';
import { prepareServer } from '../streams/prepare.ts';
import { readBackup } from './manifest.ts';

const CHILD = fileURLToPath(new URL('../../../test/support/backup.child.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
const silent = { info: () => {}, warn: () => {} } as never;

let first: TestNatsServer;
let old: BackedUp;
/** A backup of 400 events. */
let whole: string;
let folderOfWhole: string;

beforeAll(async () => {
  first = await startNatsServer();
  old = await openBackedUp(first);
  await old.views(400);
  folderOfWhole = makeTempDir('steps');
  whole = join(folderOfWhole, 'whole');
  await backUp(old, whole);
});
afterAll(async () => {
  await first.stop();
  removeTempDir(folderOfWhole);
});

function killedAt(step: string, what: 'backup' | 'restore', url: string, folder: string): void {
  const child = spawnSync(process.execPath, ['--import', TSX, CHILD, what, url, folder, step], { encoding: 'utf8' });
  expect(child.signal, child.stderr).toBe('SIGKILL');
}

describe('a backup that is killed', () => {
  it.each(BACKUP_STEPS)('at the step %s leaves a whole backup or none, and the next one works', async (step) => {
    const parent = tempDir('steps');
    const folder = join(parent, 'b');
    killedAt(step, 'backup', first.url, folder);
    const left = readdirSync(parent);
    expect(left).toHaveLength(1);
    const named = left[0] === 'b';
    expect(named).toBe(step === 'backup-renamed');
    const complete = step === 'backup-renamed' || step === 'manifest-written';
    const read = readBackup(join(parent, left[0] as string));
    if (complete) expect((await read).manifest.log).toMatchObject({ last_seq: 400, messages: 400 });
    else await expect(read).rejects.toMatchObject({ code: 'FRESHET_BACKUP_INVALID' });

    const next = named ? join(parent, 'c') : folder;
    await backUp(old, next);
    // The leftovers of the killed process are gone.
    expect(readdirSync(parent).sort()).toEqual(named ? ['b', 'c'] : ['b']);
    expect((await readBackup(next)).manifest.log?.messages).toBe(400);
  });
});

describe('a restore that is killed', () => {
  it.each(RESTORE_STEPS)('at the step %s keeps services from starting until another one is complete', async (step) => {
    const server = await startNatsServer();
    try {
      killedAt(step, 'restore', server.url, whole);
      const nc = await server.connect();
      const jsm = await nc.jetstreamManager();
      const names = await jsm.streams.names().next();
      const start = prepareServer(nc, silent, 'user');
      // Before the mark the server has no log, and after it the log is whole.
      if (step === 'ledger-restored') expect(names).toEqual(['KV_erasures']);
      if (step === 'ledger-restored' || step === 'mark-removed') await expect(start).resolves.toBeUndefined();
      else await expect(start).rejects.toMatchObject({ code: 'FRESHET_RESTORE_UNFINISHED' });

      expect(await restoreInto(server, whole, { replace: true })).toMatchObject({ last: 400, record: 401 });
      await expect(prepareServer(nc, silent, 'user')).resolves.toBeUndefined();
      const now = await openBackedUp(server, false);
      expect((await now.messages()).slice(0, 400)).toEqual(await old.messages());
    } finally {
      await server.stop();
    }
  });
});
