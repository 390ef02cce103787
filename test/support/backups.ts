/** Backups in tests: a log with its ledger on a real server, publishing that goes on, and what a server holds. */
import type { NatsConnection } from 'nats';
import type { TransferLimits } from '../../src/bus/backup/archive.ts';
import { type BackupOptions, makeBackup } from '../../src/bus/backup/backup.ts';
import { type Backup, readBackup } from '../../src/bus/backup/manifest.ts';
import { type RestoreBackupOptions, type RestoredBackup, restoreBackup } from '../../src/bus/backup/restore.ts';
import { type Acts, createActs } from '../../src/bus/erasure/acts.ts';
import { type Erasure, type Ledger, openLedger } from '../../src/bus/erasure/ledger.ts';
import { createErasureRecords } from '../../src/bus/erasure/records.ts';
import type { StoredMessage } from '../../src/bus/event/codec.ts';
import { erasureHmac } from '../../src/bus/event/erasure-hmac.ts';
import { streamSeq } from '../../src/bus/event/ids.ts';
import { createJetStreamLog } from '../../src/bus/log/jetstream.ts';
import type { Log } from '../../src/bus/log/port.ts';
import { createPublisher, type Publisher } from '../../src/bus/nats/publisher.ts';
import { SERVICES } from '../../src/bus/projection/definition.ts';
import { erasureKey } from '../../src/bus/streams/erasure-key.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { outgoing, viewed } from './events.ts';
import type { TestNatsServer } from './nats.ts';

export const LIMITS: TransferLimits = { chunkBytes: 65_536, window: 4, stallMs: 60_000 };

export interface BackedUp {
  nc: NatsConnection;
  publisher: Publisher;
  log: Log;
  key: Uint8Array;
  acts: Acts;
  ledger: Ledger;
  /** Publishes so many views of 50 users; resolves with the last sequence. */
  views(count: number): Promise<number>;
  /** Publishes events at a rate until the returned function stops it and resolves with their number. */
  trickle(perSecond: number): () => Promise<number>;
  /** Forgets a user as the coordinator does, without services. */
  forget(user: string, id: string): Promise<Erasure>;
  messages(): Promise<StoredMessage[]>;
}

/** The streams of Freshet on a server, without services. */
export async function openBackedUp(server: TestNatsServer, create = true): Promise<BackedUp> {
  const nc = await server.connect();
  if (create) await applyStreams(nc);
  const publisher = createPublisher(nc);
  const log = await createJetStreamLog({ nc, publisher });
  const key = create ? await erasureKey(nc) : new Uint8Array();
  const acts = createActs({ nc, key });
  const records = createErasureRecords({ nc, log });
  const ledger = create ? await openLedger(nc) : ({} as Ledger);
  let published = 0;
  const publish = (): Promise<{ seq: number }> => {
    const n = published++;
    return publisher.publish(outgoing(viewed(`u${n % 50}`, `i${n % 97}`, { id: `v${n}` })));
  };
  return {
    nc,
    publisher,
    log,
    key,
    acts,
    ledger,
    views: async (count) => {
      const acks = await Promise.all(Array.from({ length: count }, publish));
      return Math.max(0, ...acks.map(({ seq }) => seq));
    },
    trickle: (perSecond) => {
      const began = performance.now();
      const sent: Promise<unknown>[] = [];
      const timer = setInterval(() => {
        const due = ((performance.now() - began) / 1_000) * perSecond;
        while (sent.length < due) sent.push(publish());
      }, 2);
      return async () => {
        clearInterval(timer);
        await Promise.all(sent);
        return sent.length;
      };
    },
    forget: async (user, id) => {
      const act = { act: `${id}-0`, hmac: erasureHmac(key, user), seq: 0 };
      const entry: Erasure = {
        erasure: id,
        requested: new Date().toISOString(),
        deadline: new Date().toISOString(),
        state: 'purging',
        done: null,
        acts: [act],
        services: SERVICES.map((service) => ({ service, state: 'exact', at: null })),
        pending: [user],
      };
      await ledger.put(entry);
      act.seq = await records.erased(act);
      await acts.purge(entry);
      const { pending: _, ...done } = entry;
      const complete: Erasure = { ...done, state: 'done', done: new Date().toISOString() };
      await ledger.put(complete);
      return complete;
    },
    messages: async () => {
      const { firstSeq, lastSeq } = await log.info();
      const found: StoredMessage[] = [];
      for (let seq = firstSeq; seq <= lastSeq; seq = streamSeq(seq + 1)) {
        const message = await log.at(seq);
        if (message) found.push(message);
      }
      return found;
    },
  };
}

export const backUp = ({ nc }: BackedUp, folder: string, options: Partial<BackupOptions> = {}) =>
  makeBackup({ nc, folder, limits: LIMITS, fingerprints: 8, ...options });

/** Reads a backup and restores it into a server. */
export async function restoreInto(
  server: TestNatsServer,
  folder: string,
  options: Partial<RestoreBackupOptions> = {},
): Promise<RestoredBackup> {
  const backup: Backup = await readBackup(folder);
  const nc = await server.connect();
  return restoreBackup({ nc, backup, limits: LIMITS, ...options });
}
