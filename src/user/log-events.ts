/** The messages of a user in the log: all subjects of an id, in the order of the log, page by page. */
import { AckPolicy, type Consumer, DeliverPolicy, type JsMsg, type NatsConnection, nanos, ReplayPolicy } from 'nats';
import { EVENTS } from '../../streams.config.ts';
import { encodeToken } from '../bus/event/ids.ts';
import { parseEventSubject } from '../bus/event/subject.ts';
import type { PersonalDataPage, PersonalDataRecord } from '../bus/projection/personal-data.ts';

/** Messages per page. */
const PAGE = 200;
const PAGE_BYTES = 262_144;
/** Most bytes of a message in one record. A larger message, or one that is not JSON, comes in pieces of its bytes. */
const PIECE_BYTES = 131_072;
/** Milliseconds after which the server deletes an idle reader, and that the reader waits for messages. */
const READER_MS = 30_000;
const FETCH_MS = 10_000;

/** A sequence, and how many bytes of its message the pages before have returned. */
type Position = `${number}+${number}`;

/** @param after `next` of the page before */
export async function eventsOf(
  nc: NatsConnection,
  id: string,
  after: string | number | null,
): Promise<PersonalDataPage> {
  const { seq, offset } = parsePosition(after);
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const { name, num_pending: pending } = await jsm.consumers.add(EVENTS.name, {
    // One filter, because older servers accept no more. The reader skips an item with the same id.
    filter_subject: `ev.*.${encodeToken(id)}.>`,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: seq,
    replay_policy: ReplayPolicy.Instant,
    inactive_threshold: nanos(READER_MS),
  });
  try {
    if (pending === 0) return { records: [], next: null };
    const consumer = await nc.jetstream().consumers.get(EVENTS.name, name);
    return await readPage(consumer, { pending, seq, offset });
  } finally {
    await jsm.consumers.delete(EVENTS.name, name).catch(() => false);
  }
}

async function readPage(
  consumer: Consumer,
  { pending, seq, offset }: { pending: number; seq: number; offset: number },
): Promise<PersonalDataPage> {
  const count = Math.min(pending, PAGE);
  const records: PersonalDataRecord[] = [];
  let bytes = 0;
  let seen = 0;
  const messages = await consumer.fetch({ max_messages: count, expires: FETCH_MS });
  for await (const message of messages) {
    seen++;
    const next = `${message.seq + 1}+0` satisfies Position;
    const context = parseEventSubject(message.subject)?.context;
    // An invalid subject under this id belongs to the user too.
    if (context !== 'content' && context !== 'control') {
      const from = message.seq === seq ? offset : 0;
      const { record, size, end } = recordOf(message, from);
      records.push(record);
      bytes += size;
      if (end < message.data.length) return { records, next: `${message.seq}+${end}` satisfies Position };
    }
    if (seen === pending) return { records, next: null };
    if (seen === count || bytes >= PAGE_BYTES) return { records, next };
  }
  throw new Error(`The log returned ${seen} of ${count} messages within ${FETCH_MS} ms.`);
}

function parsePosition(after: string | number | null): { seq: number; offset: number } {
  const [seq = 1, offset = 0] = String(after ?? '1+0')
    .split('+')
    .map(Number);
  return { seq: Number.isSafeInteger(seq) && seq > 0 ? seq : 1, offset: Number.isSafeInteger(offset) ? offset : 0 };
}

function recordOf(message: JsMsg, from: number): { record: PersonalDataRecord; size: number; end: number } {
  const { data, subject, seq, info } = message;
  const taken = new Date(info.timestampNanos / 1e6).toISOString();
  const text = data.length <= PIECE_BYTES ? jsonOf(data) : undefined;
  if (text !== undefined)
    return { record: { seq, subject, taken, event: text.value }, size: data.length, end: data.length };
  const end = Math.min(data.length, from + PIECE_BYTES);
  const payload = Buffer.from(data.subarray(from, end)).toString('base64');
  return { record: { seq, subject, taken, bytes: data.length, offset: from, payload }, size: payload.length, end };
}

/** The value of a JSON payload. Undefined if the payload is not JSON, or if JSON.stringify fails for it. */
function jsonOf(data: Uint8Array): { value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
    // JSON.parse accepts deeper nesting than JSON.stringify.
    JSON.stringify(value);
    return { value };
  } catch {
    return undefined;
  }
}
