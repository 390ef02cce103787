/** A user's messages as the log holds them: both subjects of an id, in the order of the log, a page at a time. */
import { AckPolicy, type Consumer, DeliverPolicy, type JsMsg, type NatsConnection, nanos, ReplayPolicy } from 'nats';
import { EVENTS } from '../../streams.config.ts';
import { encodeToken } from '../bus/event/ids.ts';
import { parseEventSubject } from '../bus/event/subject.ts';
import type { PersonalDataPage, PersonalDataRecord } from '../bus/projection/personal-data.ts';

/** Messages read at once. */
const PAGE = 200;
const PAGE_BYTES = 262_144;
/** Bytes of a message that one record holds; a larger one, or one that is no JSON, comes in pieces of its bytes. */
const PIECE_BYTES = 131_072;
/** Milliseconds that a reader is kept, and that it waits for what is there. */
const READER_MS = 30_000;
const FETCH_MS = 10_000;

/** Sequence, and bytes of it that have been told already. */
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
    // One filter, as older servers take no more; an item of the same name is passed over.
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
    // What is no event's subject at all is under this id as well.
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
  throw new Error(`the log gave ${seen} of ${count} messages within ${FETCH_MS} ms`);
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

/** What a payload says where it is JSON that can be written down again; undefined otherwise. */
function jsonOf(data: Uint8Array): { value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
    // Nested deeper than the stack reaches it can be read, but not written.
    JSON.stringify(value);
    return { value };
  } catch {
    return undefined;
  }
}
