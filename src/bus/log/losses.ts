/**
 * The losses of messages that operators accepted: control events that name the missing sequences (decision 0033). Rows
 * and other state that may hold effects of these messages must be made anew.
 */
import { createCodec, type LoggedEvent } from '../event/codec.ts';
import { LOSS_RECORDS } from '../event/subject.ts';
import type { Log } from './port.ts';
import { joined, type SequenceRange } from './sequences.ts';

export interface AcceptedLoss {
  /** Id of the act. */
  act: string;
  /** Sequence of the record, above all sequences that it names. */
  seq: number;
  /** When the operator accepted the loss, milliseconds since 1970. */
  time: number;
  /** The lost sequences, in order. */
  sequences: readonly SequenceRange[];
  reason: string | undefined;
}

const codec = createCodec();

/** The loss that an event accepts; undefined for events of other types. */
export function lossOf(event: LoggedEvent): AcceptedLoss | undefined {
  if (event.type !== 'control.loss_accepted.v1') return undefined;
  const { seq, subject, time, data } = event;
  // A record never accepts the loss of messages that came after it.
  const named = data.sequences.map(({ first, last }) => ({ first, last: Math.min(last, seq - 1) }));
  const sequences = joined(named.filter(({ first, last }) => first <= last));
  return { act: subject, seq, time, sequences, reason: data.reason };
}

/** The newest record that {@link acceptedLosses} read from a log, and what it found. */
const known = new WeakMap<Log, { newest: number; losses: readonly AcceptedLoss[] }>();

/** All accepted losses, in the order of the log. If the newest record is the same as last time, that is one request. */
export async function acceptedLosses(log: Log): Promise<readonly AcceptedLoss[]> {
  const newest = Number((await log.newest(LOSS_RECORDS))?.seq ?? 0);
  const before = known.get(log);
  if (before?.newest === newest) return before.losses;
  const losses = (newest === 0 ? [] : await log.all(LOSS_RECORDS)).flatMap((message) => {
    const decoded = codec.decode(message);
    const loss = decoded.kind === 'event' ? lossOf(decoded.event) : undefined;
    return loss && loss.sequences.length > 0 ? [loss] : [];
  });
  known.set(log, { newest, losses });
  return losses;
}

/** The sequences of all these losses, in order. */
export const lostSequences = (losses: readonly AcceptedLoss[]): SequenceRange[] =>
  joined(losses.flatMap(({ sequences }) => sequences));

/**
 * Whether state that was made at a position, and has no rows to ask, may hold effects of lost messages: it was made with
 * the lost messages, and before the record. A service that holds them makes no state after the record until it is rebuilt.
 */
export const mayHold = ({ seq, sequences }: AcceptedLoss, position: number): boolean =>
  position >= (sequences[0]?.first ?? Number.POSITIVE_INFINITY) && position < seq;
