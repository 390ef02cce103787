/** The key of erasures. Freshet keeps it outside the log, so that the log alone does not reveal whom a record names. */
import { randomBytes } from 'node:crypto';
import { type KV, type NatsConnection, NatsError } from 'nats';
import { ERASURES, EVENTS } from '../../../streams.config.ts';
import { ErasureKeyLostError } from '../../errors.ts';
import { isNotFound } from '../nats/connection.ts';
import { createMissing } from './prepare.ts';

const KEY = 'key';

/** The key of this system. The first process that needs it makes it. */
export async function erasureKey(nc: NatsConnection): Promise<Uint8Array> {
  await createMissing(nc, 'user', [ERASURES]);
  const kv: KV = await nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
  const found = await kv.get(KEY);
  if (found?.operation === 'PUT') return Buffer.from(found.string(), 'hex');
  await refuseLostKey(nc);
  return create(kv, randomBytes(32));
}

/** Writes the key of a running process into the bucket that somebody deleted and made again. Throws `ErasureKeyLostError`. */
export async function restoreErasureKey(nc: NatsConnection, key: Uint8Array): Promise<void> {
  const kv: KV = await nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
  const there = await create(kv, key);
  if (Buffer.compare(there, key) !== 0)
    throw new ErasureKeyLostError(
      `The bucket ${ERASURES.name} was made again with another key of erasures than this process has.`,
      { next: 'restart the services, one after the other' },
    );
}

/** A new key is harmless while the log holds no record of an erasure. Afterwards it means that the old one is lost. */
async function refuseLostKey(nc: NatsConnection): Promise<void> {
  const { streams } = await nc.jetstreamManager({ checkAPI: false });
  try {
    const { seq } = await streams.getMessage(EVENTS.name, { last_by_subj: 'ev.control.*.erased' });
    throw new ErasureKeyLostError(
      `The bucket ${ERASURES.name} holds no key, and the log holds records of erasures, the last one at sequence ${seq}: the key and the ledger are lost.`,
      {
        next: 'restore the bucket from a backup (docs/how-to/back-up-and-restore.md); without one, accept the loss with a new key: nats kv put erasures key "$(openssl rand -hex 32)"',
        details: { seq },
      },
    );
  } catch (err) {
    if (!isNotFound(err)) throw err;
  }
}

/** The key in the bucket: this one, or one that another process created first. */
async function create(kv: KV, key: Uint8Array): Promise<Uint8Array> {
  try {
    await kv.create(KEY, Buffer.from(key).toString('hex'));
    return key;
  } catch (err) {
    if (!(err instanceof NatsError)) throw err;
    const theirs = await kv.get(KEY);
    if (theirs?.operation !== 'PUT') throw err;
    return Buffer.from(theirs.string(), 'hex');
  }
}
