/**
 * Writes all values of a KV bucket again, so that the server drops the files with older values. A bucket keeps the newest
 * value of a key, but the server leaves the bytes of older ones in its blocks. It rewrites a block only if more than half
 * of the block is such rest, and the newest block never (seen on 2.9.10 to 2.15.1).
 */
import { headers, type JetStreamManager, type NatsConnection, NatsError, type StoredMsg } from 'nats';
import type { BucketDefinition } from '../../../streams.config.ts';
import { messagesOn } from './remove-messages.ts';

/** The largest block of the server, bytes. So much filler puts the values that follow into another block. */
const BLOCK_BYTES = 8 * 1024 * 1024;
const FILLER_BYTES = 512 * 1024;
/** Key of the filler; the last step removes it. */
const FILLER = 'filler';
/** Puts on their way at once. */
const WINDOW = 64;
const WRONG_LAST_SEQUENCE = 10071;

/**
 * Puts every value again, then purges what was before. Writers may go on: a newer value wins. If it fails, the bucket has
 * all its values, and it can run again. Throws `RangeError` for a bucket that keeps more than one value of a key.
 *
 * @param drop whether a value is one that the bucket should no longer hold; left out: none
 */
export async function rewriteBucket(
  nc: NatsConnection,
  jsm: JetStreamManager,
  { name, history }: BucketDefinition,
  drop: (message: StoredMsg) => boolean = () => false,
): Promise<void> {
  if (history !== 1) throw new RangeError(`the bucket ${name} keeps ${history} values of a key`);
  const js = nc.jetstream();
  const stream = `KV_${name}`;
  const filler = Buffer.alloc(FILLER_BYTES);
  let before = 0;
  for (let written = 0; written <= BLOCK_BYTES + FILLER_BYTES; written += FILLER_BYTES)
    before = (await js.publish(`$KV.${name}.${FILLER}`, filler)).seq;

  async function putAgain({ subject, seq, data }: StoredMsg): Promise<void> {
    const unchanged = headers();
    unchanged.set('Nats-Expected-Last-Subject-Sequence', String(seq));
    try {
      await js.publish(subject, data, { headers: unchanged });
    } catch (err) {
      // A writer has put a newer value meanwhile.
      if (!(err instanceof NatsError) || err.api_error?.err_code !== WRONG_LAST_SEQUENCE) throw err;
    }
  }

  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const message of messagesOn(jsm, stream, `$KV.${name}.>`, before)) {
    // A mark of a deleted key says the key, and nobody needs it.
    if (message.header?.has('KV-Operation') || drop(message)) continue;
    if (failures.length > 0) break;
    const put = putAgain(message)
      .catch((err: unknown) => void failures.push(err))
      .finally(() => underWay.delete(put));
    underWay.add(put);
    if (underWay.size >= WINDOW) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
  await jsm.streams.purge(stream, { filter: `$KV.${name}.${FILLER}` });
  await jsm.streams.purge(stream, { seq: before + 1 });
}
