/** The manifest of a backup, `manifest.json`: what the archives beside it hold, and how a restore recognises it. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BackupInvalidError, messageOf } from '../../errors.ts';
import type { Erasure } from '../erasure/ledger.ts';
import type { Fingerprint } from '../projection/store.ts';
import { type Archived, digestOfFile } from './archive.ts';

export const MANIFEST = 'manifest.json';
/** Version of the format. Raise it with every change that an older release would misread. */
export const FORMAT = 1;

export interface ArchiveEntry extends Archived {
  stream: string;
  /** Name of the file in the folder of the backup. */
  file: string;
}

export interface ArchivedLog {
  stream: string;
  /** Creation time of the stream, RFC 3339. */
  created: string;
  /** S: the last sequence when the server began to write the archive, which therefore holds everything up to it. */
  last_seq: number;
  /** Number of messages up to S. The other sequences up to S had been removed before. */
  messages: number;
  /** The last sequence when the archive was complete. It holds none behind this one. */
  ends_at: number;
  /** An erasure removed messages while the server wrote the archive, which may hold a part of them. */
  erasing: boolean;
  /** Fingerprints of the newest messages up to S, newest first. */
  newest: Fingerprint[];
}

/** An erasure as a backup copies it: without ids. */
export interface LedgerEntry extends Omit<Erasure, 'pending' | 'claimants'> {
  /** HMAC of the user, while no act names one. */
  user?: string;
}

/** What a check found in an archive of the log: see `inspectLog`. */
export interface Contents {
  messages: number;
  /** The last sequence with a message, or without one that an erasure removed. */
  last: number;
  /** Sequences behind `last` that the stream counts and holds no message of. */
  hole: { first: number; last: number } | null;
}

export interface Manifest {
  format: number;
  /** Id of the backup. */
  backup: string;
  /** Release of Freshet that made it. */
  freshet: string;
  /** RFC 3339. */
  began: string;
  ended: string;
  server: { version: string };
  /** null in a backup of the ledger alone. */
  log: ArchivedLog | null;
  /** In the order in which a backup reads them. */
  streams: ArchiveEntry[];
  erasures: {
    /** SHA-256 of the key of the HMACs, hex: ledgers of one system have the same. */
    key_sha256: string;
    entries: LedgerEntry[];
  };
  /** What the backup held when Freshet restored it into a scratch server; null without this check. */
  checked: ({ server: string } & Contents) | null;
}

export interface Backup {
  folder: string;
  manifest: Manifest;
}

const invalid = (folder: string, why: string, cause?: unknown): BackupInvalidError =>
  new BackupInvalidError(`${folder} holds no usable backup: ${why}.`, {
    next: 'name the folder of a complete backup, which holds manifest.json',
    details: { folder },
    ...(cause === undefined ? {} : { cause }),
  });

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isManifest(value: Partial<Manifest>): value is Manifest {
  const { log, streams, erasures, server } = value;
  return (
    isText(value.backup) &&
    isText(server?.version) &&
    Array.isArray(streams) &&
    streams.every(
      ({ stream, file, bytes, sha256, config, state }) =>
        isText(stream) &&
        isText(file) &&
        !/[\\/]/.test(file) &&
        isCount(bytes) &&
        isText(sha256) &&
        config?.name === stream &&
        isCount(state?.last_seq),
    ) &&
    Array.isArray(erasures?.entries) &&
    isText(erasures?.key_sha256) &&
    (log === null ||
      (isText(log?.created) &&
        isCount(log?.last_seq) &&
        isCount(log?.messages) &&
        isCount(log?.ends_at) &&
        Array.isArray(log?.newest) &&
        streams.some(({ stream }) => stream === log?.stream)))
  );
}

/** Reads the manifest in a folder. Throws `BackupInvalidError`. */
export function readManifest(folder: string): Manifest {
  let value: Partial<Manifest>;
  try {
    value = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as Partial<Manifest>;
  } catch (cause) {
    throw invalid(folder, messageOf(cause), cause);
  }
  const { format } = value ?? {};
  if (!isCount(format)) throw invalid(folder, `${MANIFEST} is not a manifest`);
  if (format > FORMAT)
    throw new BackupInvalidError(
      `${folder} is a backup of a newer release of Freshet (format ${format}; this release reads ${FORMAT}).`,
      { next: 'restore it with that release', details: { folder, format } },
    );
  if (!isManifest(value)) throw invalid(folder, `${MANIFEST} lacks members, or they are wrong`);
  return value;
}

/** Reads a backup and compares each file with its size and SHA-256. Throws `BackupInvalidError`. */
export async function readBackup(folder: string, onBytes: (bytes: number) => void = () => {}): Promise<Backup> {
  const manifest = readManifest(folder);
  let read = 0;
  for (const { file, bytes, sha256 } of manifest.streams) {
    const path = join(folder, file);
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) throw invalid(folder, `${file} is missing`);
    if (found.size !== bytes) throw invalid(folder, `${file} has ${found.size} bytes instead of ${bytes}`);
    const digest = await digestOfFile(path);
    if (digest.sha256 !== sha256)
      throw invalid(folder, `${file} has the SHA-256 ${digest.sha256} instead of ${sha256}`);
    read += bytes;
    onBytes(read);
  }
  return { folder, manifest };
}
