/** The ledger of erasures of a restored system: all that the backup, the server and a newer backup know. */
import type { NatsConnection } from 'nats';
import { ERASURES } from '../../../streams.config.ts';
import { RestoreRefusedError } from '../../errors.ts';
import { type Acts, nameActs } from '../erasure/acts.ts';
import { type Erasure, openLedger } from '../erasure/ledger.ts';
import type { Purge } from '../erasure/purge.ts';
import { isNotFound } from '../nats/connection.ts';
import { keyDigest } from './backup.ts';
import type { LedgerEntry, Manifest } from './manifest.ts';

export interface PresentLedger {
  /** SHA-256 of its key, hex; undefined without a key. */
  key: string | undefined;
  entries: number;
}

/** The ledger on the server; undefined without a bucket. Makes nothing. */
export async function presentLedger(nc: NatsConnection): Promise<PresentLedger | undefined> {
  try {
    const kv = await nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
    const key = await kv.get('key');
    const entries = (await (await openLedger(nc)).list()).length;
    return { key: key?.operation === 'PUT' ? keyDigest(Buffer.from(key.string(), 'hex')) : undefined, entries };
  } catch (err) {
    if (isNotFound(err)) return undefined;
    throw err;
  }
}

/** Refuses a ledger with entries under another key: no entry of it would find its user. */
export function refuseOtherKey(where: string, entries: number, key: string | undefined, manifest: Manifest): void {
  if (entries === 0 || key === manifest.erasures.key_sha256) return;
  throw new RestoreRefusedError(
    `${where} holds ${entries} erasures under another key than the backup: it belongs to another system, and Freshet cannot tell which users it names.`,
    {
      next: 'restore into a nats-server without streams, with a ledger of this system',
      details: { entries, found: key, expected: manifest.erasures.key_sha256 },
    },
  );
}

/** Adds the entries that the ledger on the server lacks, and those that are complete elsewhere. */
export async function mergeLedger(nc: NatsConnection, others: readonly LedgerEntry[]): Promise<void> {
  const ledger = await openLedger(nc);
  for (const { user, ...entry } of others) {
    const there = await ledger.get(entry.erasure);
    // An entry without acts needs the id of its user, which only the log has.
    if (user !== undefined || (there && (there.state === 'done' || entry.state !== 'done'))) continue;
    await ledger.put(entry);
  }
}

/** Adds erasures that no act names yet, with the id of the user. The user service finds the sessions and goes on. */
export async function addRequested(nc: NatsConnection, acts: Acts, others: readonly LedgerEntry[]): Promise<void> {
  const requested = others.filter(({ user }) => user !== undefined);
  const found = await acts.find(new Set(requested.map(({ user }) => user as string)));
  const ledger = await openLedger(nc);
  for (const { user, ...entry } of requested) {
    const id = found.get(user as string);
    if (id !== undefined && !(await ledger.get(entry.erasure))) await ledger.put({ ...entry, pending: [id] });
  }
}

export interface Reapplied {
  /** Erasures whose records the log lacked. */
  repeated: number;
  /** Users and sessions whose messages the restore removed. */
  users: number;
}

/**
 * Carries out on the restored log what the ledger says: it writes the records that the log lacks, and purges the messages
 * up to them. The user service then waits until every service has folded the records, as after any erasure.
 */
export async function reapplyErasures(nc: NatsConnection, acts: Acts, purge: Purge['entry']): Promise<Reapplied> {
  const ledger = await openLedger(nc);
  const entries = await ledger.list();
  const found = await acts.find(new Set(entries.flatMap((entry) => entry.acts.map(({ hmac }) => hmac))));
  let repeated = 0;
  const users = new Set<string>();
  for (const entry of entries) {
    const ids = await ledger.ids(entry.erasure);
    if (ids && entry.state !== 'done') entry.pending = ids;
    const reopened = (await acts.reopen(entry)) || nameUsers(entry, found);
    if (reopened) {
      repeated++;
      await ledger.put(entry);
      for (const act of entry.acts) if (act.seq === 0) act.seq = await acts.record(act);
      for (const id of entry.pending ?? []) users.add(id);
      Object.assign(entry, { state: 'purging' });
      await purge(entry);
      await ledger.put(entry);
      continue;
    }
    // A server older than 2.15 may have archived messages while an erasure removed them. Later ones of a user who came
    // back stay, since the purge ends at the record.
    const left = entry.acts.filter(({ hmac, seq }) => seq > 0 && found.has(hmac));
    await purge({ acts: left, pending: left.map(({ hmac }) => found.get(hmac) as string) });
  }
  return { repeated, users: users.size };
}

/** Gives an open erasure of a manifest, which holds no ids, the ids that the log has. */
function nameUsers(entry: Erasure, found: ReadonlyMap<string, string>): boolean {
  if (entry.state === 'done' || entry.pending !== undefined || !entry.acts.some(({ seq }) => seq === 0)) return false;
  nameActs(entry, found);
  return true;
}
