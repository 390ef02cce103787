/** Publishes the events of a request: checks each, sends the valid ones through the window, and counts the answers. */

import type { EventCodec, PreparedEvent } from '../bus/event/codec.ts';
import { createTimeLimit } from '../bus/nats/time-limit.ts';
import type { EventProblem, WarningCode } from '../errors.ts';
import { type Trace, withTrace } from '../observability/tracing/trace-context.ts';
import type { Entry } from './body.ts';
import type { Bus } from './link.ts';

export interface Rejection {
  /** Place in the request, from 0. */
  index: number;
  /** The event's id; null if the gateway could not read it. */
  id: string | null;
  code: EventProblem['code'];
  message: string;
}

/** A stored event that probably does not say what its publisher means. */
export interface EventWarning {
  /** Place in the request, from 0. */
  index: number;
  id: string | null;
  code: WarningCode;
  message: string;
}

export interface PublishOutcome {
  accepted: number;
  /** Events that the log held already, with the same content. */
  duplicates: number;
  rejected: Rejection[];
  /** About events that the log holds now, in the order of the request. */
  warnings: EventWarning[];
  /** Highest sequence that the log acknowledged. */
  seq?: number;
  /** Valid events that the log did not acknowledge, or that the gateway did not send before the time limit. */
  unacknowledged: number;
  /** The first error; undefined if the time limit alone is the reason. */
  failure?: unknown;
}

export interface PublishContext {
  codec: EventCodec;
  bus: Bus;
  /** The publisher's window. */
  window: number;
  timeoutMs: number;
  /** Why the caller may not publish an event; undefined if the caller may. */
  problemOf?: (event: unknown) => EventProblem | undefined;
  /** The trace that the events belong to. */
  trace?: Trace | undefined;
}

/** Bytes that nats-server counts beside payload and id: `NATS/1.0`, the header's name, line ends. */
const HEADER_BYTES = 64;
const ID_SHOWN = 256;

/** Never throws: the outcome says what happened to each event. Resolves within `timeoutMs`, acknowledged or not. */
export async function publishEntries(
  entries: readonly Entry[],
  { codec, bus: { nc, events }, window, timeoutMs, problemOf, trace }: PublishContext,
): Promise<PublishOutcome> {
  const outcome: PublishOutcome = { accepted: 0, duplicates: 0, rejected: [], warnings: [], unacknowledged: 0 };
  const maxPayload = nc.info?.max_payload ?? Number.MAX_SAFE_INTEGER;
  const limit = createTimeLimit(timeoutMs);
  let answered = false;
  const flights: Promise<void>[] = [];
  let failure: { err: unknown } | undefined;
  let good = 0;
  let refused = 0;

  for (const [index, entry] of entries.entries()) {
    const checked = check(entry, codec, maxPayload, problemOf, trace);
    if ('problem' in checked) {
      outcome.rejected.push({ index, id: idOf(entry), ...checked.problem });
      continue;
    }
    good++;
    // Waits for a place in the window rather than in the queue, so that a request that gives up leaves nothing to send.
    if (events.pending >= window) await limit.race(events.ready());
    if (limit.isUp || failure) continue;
    flights.push(
      events.publish(checked.prepared).then(
        (publication) => {
          if (limit.isUp || answered) return;
          if (publication.kind === 'refused') {
            refused++;
            outcome.rejected.push({ index, id: idOf(entry), ...publication.problem });
            return;
          }
          const { kind, seq } = publication;
          if (kind === 'duplicate') outcome.duplicates++;
          else outcome.accepted++;
          const warning = warningOf(entry);
          if (warning) outcome.warnings.push({ index, id: idOf(entry), ...warning });
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
  outcome.unacknowledged = good - outcome.accepted - outcome.duplicates - refused;
  // The log's refusals come after those of the checks.
  if (refused > 0) outcome.rejected.sort((a, b) => a.index - b.index);
  outcome.warnings.sort((a, b) => a.index - b.index);
  if (failure) outcome.failure = failure.err;
  return outcome;
}

/** Ratings only: the engine takes the value for how much the user likes the item. */
function warningOf(entry: Entry): Pick<EventWarning, 'code' | 'message'> | undefined {
  if ('problem' in entry) return undefined;
  const { type, data } = entry.value as { type?: unknown; data?: { value?: unknown } };
  if (type !== 'user.rated.v1' || typeof data?.value === 'number') return undefined;
  return {
    code: 'FRESHET_RATING_WITHOUT_VALUE',
    message: 'The rating has no value, so it counts as an interaction. Publish it with value, such as 4.',
  };
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
  const message = `The event has ${payload.length} bytes. nats-server takes at most ${maxPayload} per message (max_payload).`;
  return { problem: { code: 'FRESHET_EVENT_TOO_LARGE', message } };
}

function idOf(entry: Entry): string | null {
  if ('problem' in entry || typeof entry.value !== 'object' || entry.value === null) return null;
  const { id } = entry.value as { id?: unknown };
  return typeof id === 'string' ? id.slice(0, ID_SHOWN) : null;
}
