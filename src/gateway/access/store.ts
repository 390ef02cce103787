/** API keys in KV, for the command line, which makes, lists and revokes them. Gateways follow the bucket. */
import type { KV, NatsConnection } from 'nats';
import { KEYS } from '../../../streams.config.ts';
import { applyStreams } from '../../bus/streams/plan.ts';
import { NotFoundError } from '../../errors.ts';
import { type KeyRecord, readRecord } from './key.ts';

export interface KeyStore {
  add(record: KeyRecord): Promise<void>;
  /** Oldest first. */
  list(): Promise<KeyRecord[]>;
  /** Returns the record after the change. A key that is revoked already stays as it is. Throws `NotFoundError`. */
  revoke(id: string, now: number): Promise<KeyRecord>;
}

/** Creates the bucket if it does not exist. */
export async function openKeyStore(nc: NatsConnection): Promise<KeyStore> {
  await applyStreams(nc, { onlyMissing: true }, [KEYS]);
  const kv: KV = await nc.jetstream().views.kv(KEYS.name, { bindOnly: true });
  const read = async (id: string): Promise<{ record: KeyRecord; revision: number } | undefined> => {
    const entry = await kv.get(id);
    const record = entry?.operation === 'PUT' ? readRecord(entry.string()) : undefined;
    return entry && record ? { record, revision: entry.revision } : undefined;
  };
  return {
    add: async (record) => void (await kv.create(record.id, JSON.stringify(record))),
    list: async () => {
      const ids: string[] = [];
      for await (const id of await kv.keys()) ids.push(id);
      const found = await Promise.all(ids.map(read));
      return found
        .flatMap((one) => (one ? [one.record] : []))
        .sort((a, b) => (`${a.created}${a.id}` < `${b.created}${b.id}` ? -1 : 1));
    },
    revoke: async (id, now) => {
      const found = /^[0-9a-f]{12}$/.test(id) ? await read(id) : undefined;
      if (!found) throw new NotFoundError(`No API key has the id ${id.slice(0, 100)}.`, { next: 'freshet keys list' });
      if (found.record.revoked !== null) return found.record;
      const record: KeyRecord = { ...found.record, revoked: new Date(now).toISOString() };
      await kv.update(id, JSON.stringify(record), found.revision);
      return record;
    },
  };
}
