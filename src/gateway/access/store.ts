/** API keys in KV, for the command line, which makes, lists and revokes them. Gateways follow the bucket. */
import type { KV, NatsConnection } from 'nats';
import { KEYS } from '../../../streams.config.ts';
import { applyStreams } from '../../bus/streams/plan.ts';
import { KeyUnreadableError, NotFoundError } from '../../errors.ts';
import { type KeyRecord, readRecord } from './key.ts';
import { rememberKeys } from './required.ts';

export interface KeyStore {
  add(record: KeyRecord): Promise<void>;
  /** The records, oldest first, and the ids of those that this release cannot read. */
  list(): Promise<{ records: KeyRecord[]; unreadable: string[] }>;
  /** Returns the record after the change. A key that is revoked already stays as it is. Throws `NotFoundError` and `KeyUnreadableError`. */
  revoke(id: string, now: number): Promise<KeyRecord>;
}

/** Creates the bucket if it does not exist. */
export async function openKeyStore(nc: NatsConnection): Promise<KeyStore> {
  await applyStreams(nc, { onlyMissing: true }, [KEYS]);
  const kv: KV = await nc.jetstream().views.kv(KEYS.name, { bindOnly: true });
  const read = async (id: string): Promise<{ record: KeyRecord | undefined; revision: number } | undefined> => {
    const entry = await kv.get(id);
    return entry?.operation === 'PUT' ? { record: readRecord(entry.string()), revision: entry.revision } : undefined;
  };
  return {
    add: async (record) => {
      // First, so that no moment exists in which a key does and the log does not remember it.
      await rememberKeys(nc);
      await kv.create(record.id, JSON.stringify(record));
    },
    list: async () => {
      const ids: string[] = [];
      for await (const id of await kv.keys()) ids.push(id);
      const found = await Promise.all(ids.map(async (id) => ({ id, found: await read(id) })));
      return {
        records: found
          .flatMap((one) => (one.found?.record ? [one.found.record] : []))
          .sort((a, b) => (`${a.created}${a.id}` < `${b.created}${b.id}` ? -1 : 1)),
        unreadable: found.flatMap((one) => (one.found && !one.found.record ? [one.id] : [])).sort(),
      };
    },
    revoke: async (id, now) => {
      const found = /^[0-9a-f]{12}$/.test(id) ? await read(id) : undefined;
      if (!found) throw new NotFoundError(`No API key has the id ${id.slice(0, 100)}.`, { next: 'freshet keys list' });
      if (!found.record)
        throw new KeyUnreadableError(`This release cannot read the record of the API key ${id}.`, {
          next: `revoke it with the release that made it, or remove the record: nats kv del keys ${id}`,
        });
      if (found.record.revoked !== null) return found.record;
      const record: KeyRecord = { ...found.record, revoked: new Date(now).toISOString() };
      await kv.update(id, JSON.stringify(record), found.revision);
      return record;
    },
  };
}
