/**
 * The key of erasures. Freshet keeps it outside the log, so that the log alone does not reveal whom a record names. With
 * a wrong key a service would find nobody whom a record names, and call the erasure done. So the bucket also holds a
 * probe, which the right key alone reproduces.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { type KV, type NatsConnection, NatsError } from 'nats';
import { ERASURES, EVENTS } from '../../../streams.config.ts';
import { ErasureKeyLostError, ErasureKeyWrongError } from '../../errors.ts';
import { isNotFound } from '../nats/connection.ts';
import { createMissing } from './prepare.ts';

const KEY = 'key';
const PROBE = 'probe';
const KEY_BYTES = 32;
const RESTORE =
  'restore the bucket erasures from a backup (docs/how-to/back-up-and-restore.md); without its key Freshet cannot tell whom the records of erasures name';

/** The key of this system. The first process that needs it makes it. Throws `ErasureKeyWrongError`, `ErasureKeyLostError`. */
export async function erasureKey(nc: NatsConnection): Promise<Uint8Array> {
  await createMissing(nc, 'user', [ERASURES]);
  const kv: KV = await nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
  let text = await read(kv, KEY);
  const probe = await read(kv, PROBE);
  // Another process may have made both in between.
  if (probe !== undefined) text ??= await read(kv, KEY);
  if (text === undefined && probe !== undefined)
    throw new ErasureKeyWrongError(`The key of erasures is gone from the bucket ${ERASURES.name}.`, { next: RESTORE });
  if (text === undefined) {
    await refuseLostKey(nc);
    text = await keep(kv, KEY, randomBytes(KEY_BYTES).toString('hex'));
  }
  const key = parseKey(text);
  const expected = probeOf(key);
  if ((probe ?? (await keep(kv, PROBE, expected))) !== expected)
    throw new ErasureKeyWrongError(
      `The key of erasures in the bucket ${ERASURES.name} is another one than that which wrote the probe beside it.`,
      { next: RESTORE },
    );
  return key;
}

/** Writes the key of a running process into the bucket that somebody deleted and made again. Throws `ErasureKeyLostError`. */
export async function restoreErasureKey(nc: NatsConnection, key: Uint8Array): Promise<void> {
  const kv: KV = await nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
  const mine = Buffer.from(key).toString('hex');
  if ((await keep(kv, KEY, mine)) !== mine)
    throw new ErasureKeyLostError(
      `The bucket ${ERASURES.name} was made again with another key of erasures than this process has.`,
      { next: 'restart the services, one after the other' },
    );
  await keep(kv, PROBE, probeOf(key));
}

const probeOf = (key: Uint8Array): string => createHmac('sha256', key).update('freshet erasure key').digest('hex');

function parseKey(text: string): Uint8Array {
  if (new RegExp(`^[0-9a-f]{${2 * KEY_BYTES}}$`).test(text)) return Buffer.from(text, 'hex');
  throw new ErasureKeyWrongError(
    `The key of erasures in the bucket ${ERASURES.name} has ${text.length} characters, which are not ${KEY_BYTES} bytes in hexadecimal.`,
    { next: RESTORE },
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

async function read(kv: KV, name: string): Promise<string | undefined> {
  const entry = await kv.get(name);
  return entry?.operation === 'PUT' ? entry.string() : undefined;
}

/** Writes a value unless there is one; the value that counts. */
async function keep(kv: KV, name: string, value: string): Promise<string> {
  try {
    await kv.create(name, value);
    return value;
  } catch (err) {
    const theirs = err instanceof NatsError ? await read(kv, name) : undefined;
    if (theirs === undefined) throw err;
    return theirs;
  }
}
