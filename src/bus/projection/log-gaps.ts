/** What a log lacks, what explains it, and how an operator accepts the rest as lost (decision 0033). */
import { randomBytes } from 'node:crypto';
import { BadRequestError, LossRefusedError } from '../../errors.ts';
import { createCodec } from '../event/codec.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import { EVENT_LIMITS } from '../event/types.ts';
import { type AcceptedLoss, acceptedLosses, lostSequences } from '../log/losses.ts';
import type { Log } from '../log/port.ts';
import { readRestores } from '../log/restores.ts';
import { scanLog } from '../log/scan.ts';
import { joined, rangesText, type SequenceRange, sizeOf, without } from '../log/sequences.ts';
import { newestFence } from './checks.ts';

export interface LogGaps {
  stream: string;
  firstSeq: StreamSeq;
  lastSeq: StreamSeq;
  messages: number;
  /** Up to here erasures may have removed messages. */
  fence: StreamSeq;
  accepted: readonly AcceptedLoss[];
  /** Missing sequences that no erasure, restore or accepted loss explains: the services refuse the log. */
  lost: SequenceRange[];
  /** Missing sequences up to the fence: erased, or lost unseen. */
  upToFence: SequenceRange[];
}

export interface FindGapsOptions {
  /** Reads every message: a server that skips what it cannot read does not count it as missing. */
  read?: { consumer: string; onProgress?: (done: number, total: number) => void } | undefined;
}

export async function findGaps(log: Log, { read }: FindGapsOptions = {}): Promise<LogGaps> {
  const accepted = await acceptedLosses(log);
  const fence = await newestFence(log);
  const unreadable = read ? await scanLog(log, read) : [];
  const { stream, firstSeq, lastSeq, messages } = await log.info();
  const missing = joined([...(await log.missing(streamSeq(0))), ...unreadable]);
  const { holes } = await readRestores(log);
  const open = without(missing, joined([...lostSequences(accepted), ...holes]));
  const erasable = fence > 0 ? [{ first: 1, last: fence }] : [];
  const lost = without(open, erasable);
  return { stream, firstSeq, lastSeq, messages, fence, accepted, lost, upToFence: without(open, lost) };
}

/** Why the log holds no message at a sequence. `erased`: an erasure removed it; up to there nobody can tell a loss apart. */
export type Absence = 'not-yet' | 'erased' | 'restored' | 'loss-accepted' | 'lost';

/** For a sequence that the log does not return. */
export async function absenceOf(log: Log, seq: number): Promise<Absence> {
  const { lastSeq, accepted, lost, upToFence } = await findGaps(log);
  const within = (ranges: readonly SequenceRange[]): boolean =>
    ranges.some(({ first, last }) => first <= seq && seq <= last);
  if (seq > lastSeq) return 'not-yet';
  if (within(lostSequences(accepted))) return 'loss-accepted';
  if (within(lost)) return 'lost';
  return within(upToFence) ? 'erased' : 'restored';
}

/** What of these sequences is still to be accepted. Throws `LossRefusedError` for a sequence that the log holds or has not reached. */
export async function toAccept(log: Log, asked: readonly SequenceRange[]): Promise<SequenceRange[]> {
  const { stream, lastSeq } = await log.info();
  const next = 'freshet log check lists the missing sequences';
  const beyond = asked.findLast(({ last }) => last > lastSeq);
  if (beyond)
    throw new LossRefusedError(
      `The stream ${stream} ends at sequence ${lastSeq}, so sequence ${beyond.last} is not missing: the server will give it to another message.`,
      {
        next: `${next}; if the log has lost its end, restore it, or freshet replay all rebuilds the services from it`,
        details: { stream, last_seq: lastSeq, asked: beyond.last },
      },
    );
  const missing = await log.missing(streamSeq(0));
  for (const { first, last } of without(asked, missing))
    for (let seq = first; seq <= last; seq++) {
      // The server counts a message as present that it cannot read.
      const message = await log.at(streamSeq(seq)).catch(() => undefined);
      if (message)
        throw new LossRefusedError(
          `Sequence ${seq} of ${stream} is not missing: it holds a message on ${message.subject}.`,
          { next, details: { stream, seq, subject: message.subject } },
        );
    }
  const open = without(asked, lostSequences(await acceptedLosses(log)));
  if (open.length > EVENT_LIMITS.lostRanges)
    throw new LossRefusedError(
      `The sequences are ${open.length} ranges, and one act accepts ${EVENT_LIMITS.lostRanges}.`,
      {
        next: 'accept them in several acts: freshet log accept-loss --sequences A-B',
        details: { ranges: open.length },
      },
    );
  return open;
}

/** Writes the record. The caller has asked {@link toAccept}. */
export async function acceptLoss(
  log: Log,
  sequences: readonly SequenceRange[],
  reason: string | undefined,
  now = Date.now,
): Promise<{ act: string; seq: StreamSeq }> {
  const act = `loss-${randomBytes(9).toString('base64url')}`;
  const prepared = createCodec().prepare(
    {
      specversion: '1.0',
      id: act,
      source: 'freshet',
      type: 'control.loss_accepted.v1',
      subject: act,
      time: new Date(now()).toISOString(),
      datacontenttype: 'application/json',
      data: { sequences, ...(reason === undefined ? {} : { reason }) },
    },
    { control: true },
  );
  if (!prepared.ok) throw new BadRequestError(prepared.problem.message);
  const { seq } = await log.publish(prepared.prepared);
  return { act, seq };
}

/** An accepted loss as verbs show it. */
export interface LossView {
  act: string;
  seq: number;
  /** RFC 3339. */
  time: string;
  /** `500-509,514` */
  sequences: string;
  messages: number;
  reason?: string;
}

export const lossView = ({ act, seq, time, sequences, reason }: AcceptedLoss): LossView => ({
  act,
  seq,
  time: new Date(time).toISOString(),
  sequences: rangesText(sequences),
  messages: sizeOf(sequences),
  ...(reason === undefined ? {} : { reason }),
});

/** The accepted losses of a log that concern a state at a position; empty, without a request, if the log lacks nothing. */
export async function lossesUpTo(log: Log, seq = Number.MAX_SAFE_INTEGER): Promise<LossView[]> {
  const { firstSeq, lastMissing } = await log.info();
  if (firstSeq === 1 && lastMissing === 0) return [];
  const losses = await acceptedLosses(log);
  return losses.filter(({ sequences }) => (sequences[0]?.first ?? 0) <= seq).map(lossView);
}
