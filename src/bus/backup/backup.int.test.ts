/** Backups and restores on real servers, without services. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BACKUP, STREAMS } from '../../../streams.config.ts';
import { type BackedUp, backUp, LIMITS, openBackedUp, restoreInto } from '../../../test/support/backups.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { streamSeq } from '../event/ids.ts';
import { readRestores } from '../log/restores.ts';
import { checkLog } from '../projection/checks.ts';
import { prepareServer } from '../streams/prepare.ts';
import { wireStream } from '../streams/wire.ts';
import { checkBackup } from './check.ts';
import { readBackup, readManifest } from './manifest.ts';

const servers: TestNatsServer[] = [];
async function server(): Promise<TestNatsServer> {
  const one = await startNatsServer();
  servers.push(one);
  return one;
}
afterAll(async () => {
  for (const one of servers) await one.stop();
});

const silent = { info: () => {}, warn: () => {} } as never;
const target = (): string => join(tempDir('backup'), 'b');
const code = (wanted: string) => expect.objectContaining({ code: wanted });

async function edit(folder: string, change: (manifest: ReturnType<typeof readManifest>) => void): Promise<void> {
  const manifest = readManifest(folder);
  change(manifest);
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
}

it('every stream is backed up, or there is a reason why not', () => {
  const names = STREAMS.flatMap((one) => (one.kind === 'consumer' ? [] : [wireStream(one).name]));
  expect(BACKUP.map(({ stream }) => stream).sort()).toEqual(names.sort());
});

describe('a backup', () => {
  it('is restored with the same messages while others go on publishing', async () => {
    const first = await server();
    const old = await openBackedUp(first);
    await old.views(3_000);
    await old.forget('u3', 'e1');
    const stop = old.trickle(1_000);
    const folder = target();
    const manifest = await backUp(old, folder);
    await stop();
    expect(readdirSync(folder).sort()).toEqual(['manifest.json', ...manifest.streams.map(({ file }) => file)].sort());
    expect(JSON.stringify(manifest)).not.toContain('u3');
    for (const name of ['.', ...readdirSync(folder)])
      expect(statSync(join(folder, name)).mode & 0o077, `others may read ${name}`).toBe(0);

    const second = await server();
    const restored = await restoreInto(second, folder);
    expect(restored.last).toBeGreaterThanOrEqual(manifest.log?.last_seq ?? 0);
    const now = await openBackedUp(second, false);
    const messages = await now.messages();
    const record = messages.pop();
    expect(record).toMatchObject({ seq: restored.record, subject: 'ev.control.log.backup_restored' });
    expect(messages).toEqual((await old.messages()).filter(({ seq }) => seq <= restored.last));
    expect(await readRestores(now.log)).toMatchObject({
      lineage: [{ created: manifest.log?.created, last: restored.last }],
    });
    // A service may start.
    await expect(prepareServer(now.nc, silent)).resolves.toBeUndefined();
  });

  it('of a log from which an erasure removes a user meanwhile is restored without the user', async () => {
    const old = await openBackedUp(await server());
    await old.views(5_000);
    const stop = old.trickle(1_000);
    let forgetting: Promise<unknown> | undefined;
    const folder = target();
    const onProgress = (): void => {
      forgetting ??= old.forget('u9', 'e9');
    };
    const manifest = await backUp(old, folder, { onProgress, limits: { ...LIMITS, chunkBytes: 4_096 } });
    await forgetting;
    await stop();
    expect(manifest).toMatchObject({ log: { erasing: true }, erasures: { entries: [{ erasure: 'e9' }] } });
    const newer = `${folder}-ledger`;
    await backUp(old, newer, { ledgerOnly: true });

    const second = await server();
    await restoreInto(second, folder, { ledgers: [readManifest(newer)] });
    const now = await openBackedUp(second);
    const messages = await now.messages();
    const record = messages.find(({ subject }) => subject === 'ev.control.e9-0.erased');
    expect(record).toBeDefined();
    const left = messages.filter(({ seq, subject }) => subject.startsWith('ev.user.u9.') && seq < (record?.seq ?? 0));
    expect(left).toEqual([]);
    // What is missing is explained: a projection folds all of it.
    const checked = await checkLog(now.log, {
      service: 'user',
      checkpoint: { seq: streamSeq(0), created: '', fence: streamSeq(0) },
      fingerprints: [],
    });
    expect(checked.refused).toBeUndefined();
  });

  it('refuses a folder with files, and leaves nothing beside its folder', async () => {
    const old = await openBackedUp(await server());
    await old.views(10);
    const folder = target();
    mkdirSync(folder);
    await backUp(old, folder);
    await expect(backUp(old, folder)).rejects.toMatchObject({
      code: 'FRESHET_USAGE',
      message: expect.stringContaining(folder),
    });
    expect(readdirSync(join(folder, '..'))).toEqual(['b']);
  });

  it('removes what it wrote if the server dies meanwhile', async () => {
    const first = await server();
    const old = await openBackedUp(first);
    await old.views(20_000);
    const folder = target();
    const limits = { ...LIMITS, chunkBytes: 1_024, stallMs: 1_000 };
    let killed: Promise<void> | undefined;
    const onProgress = (): void => {
      killed ??= first.kill();
    };
    // A server of 2.9 may have sent everything before it dies; then the next request finds no server.
    await expect(backUp(old, folder, { limits, onProgress })).rejects.toMatchObject({
      code: expect.stringMatching(/^(FRESHET_BACKUP_FAILED|TIMEOUT|503)$/),
    });
    await killed;
    expect(readdirSync(join(folder, '..'))).toEqual([]);
  });

  it('is checked by a restore into another server', async () => {
    const old = await openBackedUp(await server());
    await old.views(500);
    const folder = target();
    const manifest = await backUp(old, folder);
    const scratch = await server();
    expect(await checkBackup(await scratch.connect(), { folder, manifest }, LIMITS)).toEqual({
      server: scratch.version,
      messages: 500,
      last: 500,
      hole: null,
    });
    // An archive that is damaged in a way that its SHA-256 does not tell.
    const [events] = manifest.streams;
    writeFileSync(join(folder, events?.file ?? ''), readFileSync(join(folder, events?.file ?? '')).subarray(0, 2_000));
    await expect(checkBackup(await (await server()).connect(), { folder, manifest }, LIMITS)).rejects.toThrow(
      code('FRESHET_BACKUP_INVALID'),
    );
  });
});

describe('a restore', () => {
  let old: BackedUp;
  let folder: string;
  const made = async (): Promise<string> => {
    old = await openBackedUp(await server());
    await old.views(300);
    folder = target();
    await backUp(old, folder);
    return folder;
  };
  /** A restore that must fail, and must leave no stream on an empty server. */
  async function refused(wanted: string, text: RegExp, options: Parameters<typeof restoreInto>[2] = {}) {
    const empty = await server();
    await expect(restoreInto(empty, folder, options)).rejects.toMatchObject({
      code: wanted,
      message: expect.stringMatching(text),
      next: expect.stringMatching(/\S/),
    });
    const jsm = await (await empty.connect()).jetstreamManager();
    expect(await jsm.streams.names().next()).toEqual([]);
  }

  it('refuses a folder without a manifest, a missing file, a changed byte, and a newer format', async () => {
    await made();
    const file = join(folder, 'KV_keys.archive');
    const whole = readFileSync(file);
    const changed = Buffer.from(whole);
    changed[10] = (changed[10] ?? 0) ^ 1;
    writeFileSync(file, changed);
    await refused('FRESHET_BACKUP_INVALID', /KV_keys\.archive has the SHA-256/);
    appendFileSync(file, 'x');
    await refused('FRESHET_BACKUP_INVALID', /KV_keys\.archive has \d+ bytes instead of/);
    writeFileSync(file, whole);
    await edit(folder, (manifest) => {
      manifest.format = 2;
    });
    await refused('FRESHET_BACKUP_INVALID', /newer release/);
    await edit(folder, (manifest) => {
      manifest.format = 1;
      (manifest.streams[0] as { file: string }).file = '../x';
    }).catch(() => {});
    folder = join(folder, '..');
    await refused('FRESHET_BACKUP_INVALID', /manifest\.json/);
  });

  it('refuses a server older than the one of the backup, before it sends anything', async () => {
    await made();
    await edit(folder, (manifest) => {
      manifest.server.version = '99.1.0';
    });
    await refused('FRESHET_RESTORE_REFUSED', /99\.1\.0 made the backup, and this one is/);
  });

  it('refuses a server with streams, and replaces them when told', async () => {
    await made();
    const other = await server();
    const busy = await openBackedUp(other);
    await busy.views(7);
    await expect(restoreInto(other, folder)).rejects.toMatchObject({
      code: 'FRESHET_RESTORE_REFUSED',
      message: expect.stringContaining('holds 7 events up to sequence 7'),
      next: expect.stringContaining('--replace'),
    });
    expect((await busy.log.info()).messages).toBe(7);
    const restored = await restoreInto(other, folder, { replace: true });
    expect(restored).toMatchObject({ last: 300, hole: null });
    expect((await busy.log.info()).messages).toBe(301);
  });

  it('refuses an archive whose log is not that of the manifest, and no service starts on what is left', async () => {
    await made();
    await edit(folder, ({ log }) => {
      if (log) log.messages = 299;
    });
    const other = await server();
    await expect(restoreInto(other, folder)).rejects.toMatchObject({
      code: 'FRESHET_RESTORE_REFUSED',
      message: expect.stringMatching(/messages are back that had been removed/),
    });
    const nc = await other.connect();
    await expect(prepareServer(nc, silent)).rejects.toMatchObject({
      code: 'FRESHET_RESTORE_UNFINISHED',
      next: `freshet restore ${folder} --replace`,
    });
    await edit(folder, ({ log }) => {
      if (log) log.messages = 301;
    });
    await expect(restoreInto(other, folder, { replace: true })).rejects.toThrow(/messages are missing/);
    await edit(folder, ({ log }) => {
      if (!log) return;
      log.messages = 300;
      log.newest = log.newest.map((one) => ({ ...one, digest: 'ab'.repeat(16) }));
    });
    await expect(restoreInto(other, folder, { replace: true })).rejects.toThrow(/sequence 300 holds/);
  });

  it('forgets again whom the ledger on the server names, and keeps that ledger', async () => {
    await made();
    const { erasure } = await old.forget('u7', 'e7');
    const there = servers.at(-1) as TestNatsServer;
    const restored = await restoreInto(there, folder, { replace: true });
    expect(restored).toMatchObject({ repeated: 1, users: 1 });
    const subjects = (await old.messages()).map(({ subject }) => subject);
    expect(subjects.filter((subject) => subject.startsWith('ev.user.u7.'))).toEqual([]);
    expect(subjects).toContain('ev.control.e7-0.erased');
    expect(await old.ledger.get(erasure)).toMatchObject({ state: 'recording', unnamed: true, pending: ['u7'] });
  });

  it('forgets again whom the ledger of a newer backup names', async () => {
    await made();
    await old.forget('u8', 'e8');
    const newer = `${folder}-ledger`;
    const manifest = await backUp(old, newer, { ledgerOnly: true });
    expect(manifest).toMatchObject({ log: null, streams: [{ stream: 'KV_erasures' }] });
    await refusedAlone(newer);
    const other = await server();
    const restored = await restoreInto(other, folder, { ledgers: [readManifest(newer)] });
    expect(restored).toMatchObject({ repeated: 1, users: 1 });
    const now = await openBackedUp(other);
    const subjects = (await now.messages()).map(({ subject }) => subject);
    expect(subjects.filter((subject) => subject.startsWith('ev.user.u8.'))).toEqual([]);
  });

  async function refusedAlone(newer: string): Promise<void> {
    await expect(restoreInto(await server(), newer)).rejects.toThrow(/holds the ledger of erasures alone/);
  }

  it('keeps as many copies as the operator says, where the server cannot keep those of the backup', async () => {
    await made();
    await edit(folder, ({ streams }) => {
      for (const { config } of streams) config.num_replicas = 3;
    });
    const single = await server();
    await expect(restoreInto(single, folder)).rejects.toMatchObject({
      code: 'FRESHET_RESTORE_REFUSED',
      next: expect.stringContaining('--replicas'),
    });
    expect(await restoreInto(single, folder, { replicas: 1, replace: true })).toMatchObject({ last: 300 });
  });

  it('refuses a ledger of another system', async () => {
    await made();
    const stranger = await server();
    const theirs = await openBackedUp(stranger);
    await theirs.views(60);
    await theirs.forget('u1', 'x1');
    await expect(restoreInto(stranger, folder, { replace: true })).rejects.toThrow(/1 erasures under another key/);
    expect((await theirs.log.info()).messages).toBeGreaterThan(50);
    const newer = `${folder}-theirs`;
    await backUp(theirs, newer, { ledgerOnly: true });
    await refused('FRESHET_RESTORE_REFUSED', /another key/, { ledgers: [readManifest(newer)] });
  });

  it('can restore a restored log again, and remembers where it comes from', async () => {
    await made();
    const second = await server();
    await restoreInto(second, folder);
    const now = await openBackedUp(second);
    await now.views(20);
    const again = `${folder}-2`;
    const manifest = await backUp(now, again);
    const third = await server();
    await restoreInto(third, again);
    const { lineage } = await readRestores((await openBackedUp(third)).log);
    const first = readManifest(folder).log?.created;
    expect(lineage.at(0)).toMatchObject({ created: manifest.log?.created });
    expect(lineage.map(({ created }) => created)).toContain(first);
    // A server before 2.15 keeps the creation time, so both restores are of the same stream.
    const last = first === manifest.log?.created ? manifest.log?.last_seq : 300;
    expect(lineage.find(({ created }) => created === first)?.last).toBe(last);
    expect(existsSync(again)).toBe(true);
  });
});

it('a backup with another file than the manifest names is not read', async () => {
  await expect(readBackup(tempDir('nothing'))).rejects.toThrow(code('FRESHET_BACKUP_INVALID'));
});
