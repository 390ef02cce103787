/** The key of erasures. Freshet keeps it outside the log, so that the log alone does not reveal whom a record names. */
import { randomBytes } from 'node:crypto';
import { type KV, type NatsConnection, NatsError } from 'nats';
import { ERASURES } from '../../../streams.config.ts';
import { applyStreams } from './plan.ts';

const KEY = 'key';

/** The key of this system. The first process that needs it makes it. */
export async function erasureKey(nc: NatsConnection): Promise<Uint8Array> {
  await applyStreams(nc, { onlyMissing: true }, [ERASURES]);
  const kv: KV = await nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
  const found = await kv.get(KEY);
  if (found?.operation === 'PUT') return Buffer.from(found.string(), 'hex');
  const fresh = randomBytes(32);
  try {
    await kv.create(KEY, fresh.toString('hex'));
    return fresh;
  } catch (err) {
    if (!(err instanceof NatsError)) throw err;
    const theirs = await kv.get(KEY);
    if (theirs?.operation !== 'PUT') throw err;
    return Buffer.from(theirs.string(), 'hex');
  }
}
