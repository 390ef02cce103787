/**
 * Restores a backup into a nats-server on which no service runs: first the ledger of erasures, then a mark that keeps
 * services from starting, then the other streams, the record of the restore, and the erasures that the log lacks.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { ERASURES, EVENTS } from '../../../streams.config.ts';
import { BackupInvalidError, RestoreRefusedError } from '../../errors.ts';
import { createActs } from '../erasure/acts.ts';
import { createErasureRecords } from '../erasure/records.ts';
import { createCodec } from '../event/codec.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import { eventSubject, RESTORE_ENTITY } from '../event/subject.ts';
import { createJetStreamLog } from '../log/jetstream.ts';
import type { Log } from '../log/port.ts';
import { readRestores } from '../log/restores.ts';
import { createPublisher } from '../nats/publisher.ts';
import { stepTaken } from '../projection/file-steps.ts';
import { erasureKey } from '../streams/erasure-key.ts';
import { markRestore, unmarkRestore } from '../streams/unfinished-restore.ts';
import { restoreStream, type TransferLimits } from './archive.ts';
import { inspectLog } from './inspect.ts';
import {
  addRequested,
  mergeLedger,
  presentLedger,
  type Reapplied,
  reapplyErasures,
  refuseOtherKey,
} from './ledgers.ts';
import type { ArchivedLog, ArchiveEntry, Backup, Contents, Manifest } from './manifest.ts';
import { DERIVED, presentStreams, refuseOlderServer, refusePresent, refuseRunningServices } from './target.ts';

export interface RestoreBackupOptions {
  nc: NatsConnection;
  /** A backup whose files match the manifest. */
  backup: Backup;
  limits: TransferLimits;
  /** Deletes streams that the server has, except a ledger of erasures of the same system. */
  replace?: boolean;
  /** Manifests of newer backups of the same system, whose ledgers count as well. */
  ledgers?: readonly Manifest[];
  /** Copies that a cluster keeps of each stream. Default: as many as the stream had. */
  replicas?: number | undefined;
  /** Called with the stream that the server gets, and the bytes of all streams so far. */
  onProgress?: (stream: string, bytes: number) => void;
}

export interface RestoredBackup extends Contents, Reapplied {
  /** Creation time of the restored log, RFC 3339. */
  created: string;
  /** S of the backup. */
  backup_seq: number;
  /** Sequence of the record of the restore. */
  record: StreamSeq;
}

const LEDGER = `KV_${ERASURES.name}`;

/**
 * Restores. Throws `RestoreRefusedError` before it changes anything if backup and server do not fit; and after it, with the
 * mark in place, if the restored log is not the one that was backed up.
 */
export async function restoreBackup(options: RestoreBackupOptions): Promise<RestoredBackup> {
  const { nc, backup, limits, replace = false, ledgers = [], replicas, onProgress = () => {} } = options;
  const { folder, manifest } = backup;
  const { log: archived, streams } = manifest;
  if (!archived)
    throw new BackupInvalidError(`${folder} holds the ledger of erasures alone, and not the log.`, {
      next: 'name a backup of the whole system, and this one with --ledger',
      details: { folder },
    });
  refuseOlderServer(nc.info?.version ?? '0.0.0', manifest.server.version);
  await refuseRunningServices(nc);
  for (const newer of ledgers)
    refuseOtherKey('The newer ledger', newer.erasures.entries.length, newer.erasures.key_sha256, manifest);
  const ours = await presentLedger(nc);
  if (ours) refuseOtherKey('The ledger on the nats-server', ours.entries, ours.key, manifest);
  const others = streams.filter(({ stream }) => stream !== LEDGER);
  const ledgerFits = ours?.key === manifest.erasures.key_sha256;
  const present = await presentStreams(
    nc,
    others.map(({ stream }) => stream),
  );
  if (!replace) refusePresent(present, folder);

  let bytes = 0;
  const put = async ({ stream, file, config, state }: ArchiveEntry): Promise<void> => {
    const before = bytes;
    const onBytes = (n: number): void => {
      bytes = before + n;
      onProgress(stream, bytes);
    };
    const settings = replicas === undefined ? config : { ...config, num_replicas: replicas };
    await restoreStream(nc, stream, { file: join(folder, file), config: settings, state, limits, onBytes });
  };
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const archivedLedger = streams.find(({ stream }) => stream === LEDGER);
  if (!ledgerFits && archivedLedger) {
    // An empty ledger of another key: a service that started on the empty server made it.
    if (ours) await jsm.streams.delete(LEDGER);
    await put(archivedLedger);
  }
  stepTaken('ledger-restored');
  await markRestore(nc, { backup: manifest.backup, folder, since: new Date().toISOString() });
  stepTaken('restore-marked');
  const erasures = [manifest, ...ledgers].flatMap(({ erasures: { entries } }) => entries);
  await mergeLedger(nc, erasures);
  for (const { stream } of [...present, ...(await presentStreams(nc, DERIVED))]) await jsm.streams.delete(stream);
  stepTaken('streams-removed');
  // The log comes last: without it, no service has anything to fold.
  for (const entry of others.filter(({ stream }) => stream !== EVENTS.name)) await put(entry);
  await put(others.find(({ stream }) => stream === EVENTS.name) as ArchiveEntry);
  stepTaken('streams-restored');

  const publisher = createPublisher(nc);
  try {
    const log = await createJetStreamLog({ nc, publisher });
    const contents = await inspectLog(log, archived);
    const record = await recordRestore(nc, log, manifest, contents, archived);
    stepTaken('restore-recorded');
    const key = await erasureKey(nc);
    const acts = createActs({ nc, key });
    const reapplied = await reapplyErasures(nc, acts, createErasureRecords({ nc, log }));
    await addRequested(nc, acts, erasures);
    stepTaken('erasures-applied');
    await unmarkRestore(nc);
    stepTaken('mark-removed');
    const { created } = await log.info();
    return { ...contents, ...reapplied, created, backup_seq: archived.last_seq, record };
  } finally {
    await publisher.close();
  }
}

const codec = createCodec();

/** Writes the record of the restore as the very next message of the log. */
async function recordRestore(
  nc: NatsConnection,
  log: Log,
  { backup }: Manifest,
  { last, hole }: Contents,
  { created }: ArchivedLog,
): Promise<StreamSeq> {
  const { lastSeq } = await log.info();
  const earlier = await readRestores(log);
  // The time of the newest event, so that the record alone moves no clock: lists are those of the system that was lost.
  const newest = await log.at(streamSeq(last));
  const time = newest && { time: new Date(newest.timestamp).toISOString() };
  const lineage = [
    { created, last },
    ...earlier.lineage
      .filter((one) => one.created !== created)
      .map((one) => ({ ...one, last: Math.min(one.last, last) })),
  ];
  const prepared = codec.prepare(
    {
      specversion: '1.0',
      id: `restore-${randomBytes(12).toString('hex')}`,
      source: 'freshet',
      type: 'control.backup_restored.v1',
      subject: RESTORE_ENTITY,
      ...time,
      datacontenttype: 'application/json',
      data: { backup, lineage, holes: [...earlier.holes, ...(hole ? [hole] : [])] },
    },
    { control: true },
  );
  if (!prepared.ok) throw new TypeError(prepared.problem.message);
  const { payload, identity } = prepared.prepared;
  try {
    const ack = await nc.jetstream().publish(eventSubject('control', RESTORE_ENTITY, 'backup_restored'), payload, {
      msgID: identity,
      expect: { lastSequence: lastSeq },
    });
    return streamSeq(ack.seq);
  } catch (cause) {
    throw new RestoreRefusedError(
      `The nats-server did not take the record of the restore as sequence ${lastSeq + 1}: somebody publishes into the log.`,
      {
        next: 'stop all publishers, then run freshet restore with --replace',
        details: { expected: lastSeq + 1 },
        cause,
      },
    );
  }
}
