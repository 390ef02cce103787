/**
 * Backs up the streams from which everything else can be rebuilt, while the system runs. The files go into a folder beside
 * the final one, which gets its name when all of them are complete.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { NatsConnection } from 'nats';
import { BACKUP, ERASURES, EVENTS } from '../../../streams.config.ts';
import { BackupFailedError, isFreshetError, messageOf, StreamMissingError, UsageError } from '../../errors.ts';
import { VERSION } from '../../version.ts';
import { openLedger } from '../erasure/ledger.ts';
import { erasureHmac } from '../event/erasure-hmac.ts';
import { streamSeq } from '../event/ids.ts';
import { createJetStreamLog } from '../log/jetstream.ts';
import type { Log } from '../log/port.ts';
import { isNotFound } from '../nats/connection.ts';
import { createPublisher } from '../nats/publisher.ts';
import { stepTaken } from '../projection/file-steps.ts';
import { type Fingerprint, messageDigest } from '../projection/store.ts';
import { erasureKey } from '../streams/erasure-key.ts';
import { refuseUnfinishedRestore } from '../streams/unfinished-restore.ts';
import { archiveStream, type TransferLimits } from './archive.ts';
import { type ArchivedLog, type ArchiveEntry, FORMAT, type LedgerEntry, MANIFEST, type Manifest } from './manifest.ts';

export interface BackupOptions {
  nc: NatsConnection;
  /** Folder of the backup; it does not exist, or is empty. */
  folder: string;
  limits: TransferLimits;
  /** Number of newest messages whose fingerprints the manifest holds. */
  fingerprints: number;
  /** Only the ledger of erasures and its key. */
  ledgerOnly?: boolean;
  /** Restores the complete archives elsewhere and looks at them. A failure ends the backup. */
  check?: ((folder: string, manifest: Manifest) => Promise<Manifest['checked']>) | undefined;
  /** Called with the stream that the server sends, and the bytes of all streams so far. */
  onProgress?: (stream: string, bytes: number) => void;
}

/** Makes a backup. Throws `UsageError` for a folder with files, `BackupFailedError`, and `StreamMissingError`. */
export async function makeBackup(options: BackupOptions): Promise<Manifest> {
  const folder = resolve(options.folder);
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new UsageError(`The folder ${folder} is not empty. A backup never overwrites files.`, {
      next: 'name a folder that does not exist',
      details: { folder },
    });
  await refuseUnfinishedRestore(options.nc);
  const partial = `${folder}.partial-${process.pid}`;
  try {
    removeLeftovers(folder);
    mkdirSync(dirname(folder), { recursive: true });
    // The archives hold the events of all users, and the key of erasures.
    mkdirSync(partial, { mode: 0o700 });
    stepTaken('partial-created');
    const manifest = await writeFiles(partial, options);
    // An empty folder of the final name may exist, and a rename over it is not allowed everywhere.
    if (existsSync(folder)) rmdirSync(folder);
    renameSync(partial, folder);
    syncFolder(dirname(folder));
    stepTaken('backup-renamed');
    return manifest;
  } catch (err) {
    rmSync(partial, { recursive: true, force: true });
    if (isFreshetError(err) || !/^E[A-Z]+$/.test(String((err as { code?: string }).code))) throw err;
    throw new BackupFailedError(`Freshet could not write the backup ${folder}: ${messageOf(err)}.`, {
      next: 'free disk space, or name a folder on another disk',
      details: { folder },
      cause: err,
    });
  }
}

/** Removes what killed backups into this folder have left. */
function removeLeftovers(folder: string): void {
  const parent = dirname(folder);
  if (!existsSync(parent)) return;
  const prefix = `${basename(folder)}.partial-`;
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    if (Number.isSafeInteger(pid) && (pid === process.pid || !runs(pid)))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function writeFiles(partial: string, options: BackupOptions): Promise<Manifest> {
  const { nc, limits, ledgerOnly = false, check, onProgress = () => {} } = options;
  const began = new Date().toISOString();
  const streams: ArchiveEntry[] = [];
  let bytes = 0;
  const archive = async (stream: string): Promise<ArchiveEntry> => {
    const file = `${stream}.archive`;
    const before = bytes;
    const archived = await archiveStream(nc, stream, join(partial, file), limits, (n) => {
      bytes = before + n;
      onProgress(stream, bytes);
    });
    const entry = { stream, file, ...archived };
    streams.push(entry);
    return entry;
  };
  const log = ledgerOnly ? null : await archiveLog(options, () => archive(EVENTS.name));
  stepTaken('log-archived');
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const ledger = `KV_${ERASURES.name}`;
  for (const { stream, backedUp } of BACKUP) {
    if (!backedUp || stream === EVENTS.name || (ledgerOnly && stream !== ledger)) continue;
    try {
      await jsm.streams.info(stream);
    } catch (err) {
      // An older release may have made fewer.
      if (isNotFound(err) && stream !== ledger) continue;
      if (isNotFound(err)) await erasureKey(nc);
      else throw err;
    }
    await archive(stream);
  }
  stepTaken('streams-archived');
  const key = await erasureKey(nc);
  const entries = await ledgerEntries(nc, key);
  const erasing = log?.erasing || entries.some((entry) => reaches(entry, began, log?.last_seq ?? 0));
  const manifest: Manifest = {
    format: FORMAT,
    backup: randomBytes(12).toString('hex'),
    freshet: VERSION,
    began,
    ended: new Date().toISOString(),
    server: { version: nc.info?.version ?? '0.0.0' },
    log: log && { ...log, erasing },
    streams,
    erasures: { key_sha256: keyDigest(key), entries },
    checked: null,
  };
  manifest.checked = (await check?.(partial, manifest)) ?? null;
  writeSynced(join(partial, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`);
  syncFolder(partial);
  stepTaken('manifest-written');
  return manifest;
}

export const keyDigest = (key: Uint8Array): string => createHash('sha256').update(key).digest('hex');

/** Whether an erasure may have removed messages since the backup began. */
const reaches = ({ acts, done }: LedgerEntry, began: string, lastSeq: number): boolean =>
  done === null || done >= began || acts.some(({ seq }) => seq > lastSeq);

async function archiveLog(
  { nc, fingerprints }: BackupOptions,
  archive: () => Promise<ArchiveEntry>,
): Promise<ArchivedLog> {
  const publisher = createPublisher(nc);
  try {
    const log = await createJetStreamLog({ nc, publisher });
    const { created, stream } = await log.info();
    const { state } = await archive();
    const after = await log.info();
    if (after.created !== created)
      throw new StreamMissingError(`The stream ${stream} was created again during the backup.`, {
        next: 'freshet status, then run freshet backup again',
      });
    return {
      stream,
      created,
      last_seq: state.last_seq,
      messages: state.messages,
      ends_at: after.lastSeq,
      erasing: false,
      newest: await newestOf(log, state, fingerprints),
    };
  } finally {
    await publisher.close();
  }
}

/** How far below the end it looks for messages that are still there. */
const FINGERPRINT_REACH = 4;

async function newestOf(
  log: Log,
  { first_seq: first, last_seq: last }: { first_seq: number; last_seq: number },
  count: number,
): Promise<Fingerprint[]> {
  const newest: Fingerprint[] = [];
  for (let seq = last; seq >= Math.max(1, first, last - FINGERPRINT_REACH * count) && newest.length < count; seq--) {
    const message = await log.at(streamSeq(seq));
    if (message) newest.push({ seq: message.seq, digest: messageDigest(message), timestamp: message.timestamp });
  }
  return newest;
}

/** The ledger without ids. An erasure that has no acts yet names its user by the HMAC. */
async function ledgerEntries(nc: NatsConnection, key: Uint8Array): Promise<LedgerEntry[]> {
  const entries = await (await openLedger(nc)).list();
  return entries.map(({ pending, claimants: _, ...entry }) => {
    const [user] = entry.acts.length === 0 ? (pending ?? []) : [];
    return user === undefined ? entry : { ...entry, user: erasureHmac(key, user) };
  });
}

/** Writes a file that survives a loss of power. */
function writeSynced(file: string, text: string): void {
  const fd = openSync(file, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncFolder(folder: string): void {
  // Windows opens no folders.
  if (process.platform === 'win32') return;
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
