/**
 * The key of erasures. Freshet keeps it outside the log, so that the log alone does not reveal whom a record names. With
 * a wrong key a service would find nobody whom a record names, and call the erasure done. So the bucket also holds a
 * probe, which the right key alone reproduces.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { type KV, type NatsConnection, NatsError } from 'nats';
import { ERASURES } from '../../../streams.config.ts';
import { ErasureKeyWrongError } from '../../errors.ts';
import { applyStreams } from './plan.ts';

const KEY = 'key';
const PROBE = 'probe';
const KEY_BYTES = 32;
const NEXT =
  'restore the bucket erasures from a backup (freshet streams diff names it); without its key Freshet cannot tell whom the records of erasures name';

/** The key of this system. The first process that needs it makes it. Throws `ErasureKeyWrongError`. */
export async function erasureKey(nc: NatsConnection): Promise<Uint8Array> {
  await applyStreams(nc, { onlyMissing: true }, [ERASURES]);
  const kv: KV = await nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
  const read = async (name: string): Promise<string | undefined> => {
    const entry = await kv.get(name);
    return entry?.operation === 'PUT' ? entry.string() : undefined;
  };
  /** Writes a value unless there is one; the value that counts. */
  const keep = async (name: string, value: string): Promise<string> => {
    try {
      await kv.create(name, value);
      return value;
    } catch (err) {
      const theirs = err instanceof NatsError ? await read(name) : undefined;
      if (theirs === undefined) throw err;
      return theirs;
    }
  };

  let text = await read(KEY);
  const probe = await read(PROBE);
  // Another process may have made both in between.
  if (probe !== undefined) text ??= await read(KEY);
  if (text === undefined && probe !== undefined)
    throw new ErasureKeyWrongError('The key of erasures is gone from the bucket erasures.', { next: NEXT });
  text ??= await keep(KEY, randomBytes(KEY_BYTES).toString('hex'));
  if (!new RegExp(`^[0-9a-f]{${2 * KEY_BYTES}}$`).test(text))
    throw new ErasureKeyWrongError(
      `The key of erasures in the bucket erasures has ${text.length} characters, which are not ${KEY_BYTES} bytes in hexadecimal.`,
      { next: NEXT },
    );
  const key = Buffer.from(text, 'hex');
  const expected = createHmac('sha256', key).update('freshet erasure key').digest('hex');
  if ((probe ?? (await keep(PROBE, expected))) !== expected)
    throw new ErasureKeyWrongError(
      'The key of erasures in the bucket erasures is another one than that which wrote the probe beside it.',
      { next: NEXT },
    );
  return key;
}
