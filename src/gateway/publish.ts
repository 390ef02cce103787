/** Publishing what a request holds: each event checked, the good ones sent through the window, the answers counted. */

import type { EventCodec, PreparedEvent } from '../bus/event/codec.ts';
import { createTimeLimit } from '../bus/nats/time-limit.ts';
import type { EventProblem } from '../errors.ts';
import type { Entry } from './body.ts';
import type { Bus } from './link.ts';
import { type Trace, withTrace } from './trace.ts';

export interface Rejection {
  /** Place in the request, from 0. */
  index: number;
  /** The event's id; null where it has none that can be told. */
  id: string | null;
  code: EventProblem['code'];
  message: string;
}

export interface PublishOutcome {
  accepted: number;
  /** Events that the log held already. */
  duplicates: number;
  rejected: Rejection[];
  /** Highest sequence that was acknowledged. */
  seq?: number;
  /** Good events of which it is not known whether they are stored, or that were not sent any more. */
  unacknowledged: number;
  /** Why; the first error, or nothing where only the time ran out. */
  failure?: unknown;
}

export interface PublishContext {
  codec: EventCodec;
  bus: Bus;
  /** The publisher's window. */
  window: number;
  timeoutMs: number;
  /** Why the caller may not publish an event; undefined where they may. */
  problemOf?: (event: unknown) => EventProblem | undefined;
  /** The trace that the events belong to. */
  trace?: Trace | undefined;
}

/** Room that the server counts beside payload and id: `NATS/1.0`, the header's name, line ends. */
const HEADER_BYTES = 64;
const ID_SHOWN = 256;

/** Never throws: what became of each event is in the outcome. Answers within `timeoutMs`, acknowledged or not. */
export async function publishEntries(
  entries: readonly Entry[],
  { codec, bus: { nc, publisher }, window, timeoutMs, problemOf, trace }: PublishContext,
): Promise<PublishOutcome> {
  const outcome: PublishOutcome = { accepted: 0, duplicates: 0, rejected: [], unacknowledged: 0 };
  const maxPayload = nc.info?.max_payload ?? Number.MAX_SAFE_INTEGER;
  const limit = createTimeLimit(timeoutMs);
  let answered = false;
  const flights: Promise<void>[] = [];
  let failure: { err: unknown } | undefined;
  let good = 0;

  for (const [index, entry] of entries.entries()) {
    const checked = check(entry, codec, maxPayload, problemOf, trace);
    if ('problem' in checked) {
      outcome.rejected.push({ index, id: idOf(entry), ...checked.problem });
      continue;
    }
    good++;
    // Places in the window, not a queue: a request that gives up leaves nothing behind that is still to be sent.
    if (publisher.pending >= window) await limit.race(publisher.ready());
    if (limit.isUp || failure) continue;
    flights.push(
      publisher.publish(checked.prepared).then(
        ({ seq, duplicate }) => {
          if (limit.isUp || answered) return;
          if (duplicate) outcome.duplicates++;
          else outcome.accepted++;
          if (outcome.seq === undefined || seq > outcome.seq) outcome.seq = seq;
        },
        (err: unknown) => {
          failure ??= { err };
        },
      ),
    );
  }
  await limit.race(Promise.all(flights));
  limit.end();
  // The answer does not count an acknowledgement that comes later.
  answered = true;
  outcome.unacknowledged = good - outcome.accepted - outcome.duplicates;
  if (failure) outcome.failure = failure.err;
  return outcome;
}

type Checked = { prepared: PreparedEvent } | { problem: EventProblem };

function check(
  entry: Entry,
  codec: EventCodec,
  maxPayload: number,
  problemOf: PublishContext['problemOf'],
  trace: Trace | undefined,
): Checked {
  if ('problem' in entry) return entry;
  const problem = problemOf?.(entry.value);
  if (problem) return { problem };
  const result = codec.prepare(withTrace(entry.value, trace));
  if (!result.ok) return result;
  const { payload, identity } = result.prepared;
  const bytes = payload.length + Buffer.byteLength(identity) + HEADER_BYTES;
  if (bytes <= maxPayload) return result;
  const message = `The event has ${payload.length} bytes; nats-server takes messages of ${maxPayload} (max_payload).`;
  return { problem: { code: 'FRESHET_EVENT_TOO_LARGE', message } };
}

function idOf(entry: Entry): string | null {
  if ('problem' in entry || typeof entry.value !== 'object' || entry.value === null) return null;
  const { id } = entry.value as { id?: unknown };
  return typeof id === 'string' ? id.slice(0, ID_SHOWN) : null;
}
