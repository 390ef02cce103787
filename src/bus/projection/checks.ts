/**
 * Checks whether this is still the log that the checkpoint comes from. A truncated log gives out sequences again under the
 * same creation time, and the server does not report it, so the check compares the newest messages that the service read.
 */
import {
  LogForkedError,
  LogPrunedError,
  type LogRefusedError,
  LogTruncatedError,
  LossAcceptedError,
} from '../../errors.ts';
import { createCodec } from '../event/codec.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import { ERASURE_RECORDS } from '../event/subject.ts';
import { type AcceptedLoss, acceptedLosses, lostSequences, mayHold } from '../log/losses.ts';
import type { Log, LogInfo } from '../log/port.ts';
import { type Restores, readRestores } from '../log/restores.ts';
import { highestOutside, joined, rangesText, rangeWith, type SequenceRange } from '../log/sequences.ts';
import { compareRestores, lastUnexplained } from './restored-log.ts';
import { type Checkpoint, type Fingerprint, fenceOf, messageDigest } from './store.ts';

export interface CheckSubject {
  service: string;
  checkpoint: Pick<Checkpoint, 'seq' | 'created' | 'fence'>;
  /** Newest first. */
  fingerprints: readonly Fingerprint[];
  /** The highest sequence that a reader did not receive although it received a later one. */
  skipped?: StreamSeq;
  /** Whether the projection has folded the event with an identity; undefined: the state does not know. */
  folded?: (identity: string) => boolean;
  /**
   * Whether the state holds effects of lost messages, for losses behind whose record it is not yet. Left out: it may, if
   * its position is not before the first of them.
   */
  holds?: (loss: AcceptedLoss) => boolean;
}

export interface Checked {
  info: LogInfo;
  /** How far erasures explain that messages are missing. */
  fence: StreamSeq;
  /** Sequences without a message that restores and accepted losses explain, in order. */
  explained: readonly SequenceRange[];
  /** Why the service must not go on. */
  refused?: LogRefusedError;
}

/** Reads the state of the log and one message, and compares them with the checkpoint. */
export async function checkLog(log: Log, asked: CheckSubject): Promise<Checked> {
  // A message that the log returns is not missing: the loop opens another reader, which expects it again.
  const there = asked.skipped && (await log.at(asked.skipped).catch(() => undefined));
  const subject = there ? { ...asked, skipped: streamSeq(0) } : asked;
  const [info, restores] = await Promise.all([log.info(), readRestores(log)]);
  const { holes } = restores;
  let { fence } = subject.checkpoint;
  let refused = await compare(log, info, restores, subject);
  if (refused instanceof LogPrunedError) {
    // Messages may also be missing up to the fence of an erasure that this projection has not folded yet.
    const newest = await newestFence(log);
    if (newest > fence) {
      fence = newest;
      refused = await compare(log, info, restores, { ...subject, checkpoint: { ...subject.checkpoint, fence } });
    }
  }
  let lost: readonly SequenceRange[] = [];
  const incomplete = info.lastMissing > 0 || info.firstSeq > 1;
  // State without rows shows a loss by its position alone, also where a later erasure explains the gap.
  if (refused instanceof LogPrunedError || (!refused && !subject.holds && incomplete)) {
    const losses = await acceptedLosses(log);
    lost = lostSequences(losses);
    if (lost.length > 0) {
      const known = { ...subject, checkpoint: { ...subject.checkpoint, fence } };
      refused = (await compareWithout(log, info, restores, known, lost)) ?? held(subject, losses);
    }
  }
  const explained = joined([...holes, ...lost]);
  return refused ? { info, fence, explained, refused } : { info, fence, explained };
}

/** Compares as if the messages whose loss an operator accepted were not missing. */
async function compareWithout(
  log: Log,
  info: LogInfo,
  restores: Restores,
  subject: CheckSubject,
  lost: readonly SequenceRange[],
): Promise<LogRefusedError | undefined> {
  const { checkpoint, skipped = streamSeq(0), fingerprints } = subject;
  const explained = joined([...restores.holes, ...lost]);
  const missing = await log.missing(checkpoint.fence);
  const left = missing.findLast(({ first, last }) => highestOutside(explained, first, last) > 0);
  const inFront = highestOutside(explained, checkpoint.fence + 1, info.firstSeq - 1) === 0;
  return compare(
    log,
    {
      ...info,
      firstSeq: inFront ? streamSeq(1) : info.firstSeq,
      lastMissing: streamSeq(left ? highestOutside(explained, left.first, left.last) : 0),
    },
    restores,
    {
      ...subject,
      skipped: rangeWith(lost, skipped) ? streamSeq(0) : skipped,
      fingerprints: fingerprints.filter(({ seq }) => !rangeWith(lost, seq)),
    },
  );
}

/** Refuses state that holds effects of the lost messages: only a rebuild takes them out. */
function held(
  { service, checkpoint, holds }: CheckSubject,
  losses: readonly AcceptedLoss[],
): LogRefusedError | undefined {
  const loss = losses.find((one) => mayHold(one, checkpoint.seq) && (holds?.(one) ?? true));
  return loss && lossAccepted(service, loss);
}

/** The error of state that a rebuild must replace. */
export function lossAccepted(service: string, loss: AcceptedLoss | undefined): LossAcceptedError {
  const { act, seq, sequences } = loss ?? {};
  return new LossAcceptedError(
    `The log has lost ${sequences ? `sequences ${rangesText(sequences)}` : 'messages'}, which the ${service} service has folded. An operator accepted the loss${seq ? ` at sequence ${seq}` : ''}, so the service rebuilds its projection from the log before it goes on.`,
    { next: 'freshet status shows the rebuild, which begins by itself', details: { act, seq, sequences } },
  );
}

async function compare(
  log: Log,
  info: LogInfo,
  restores: Restores,
  subject: CheckSubject,
): Promise<LogRefusedError | undefined> {
  const next = nextOf(subject.service);
  const lastMissing = await lastUnexplained(log, info, restores, subject.checkpoint.fence);
  return (
    compareRestores(info, restores, subject, next) ??
    compareState({ ...info, lastMissing }, subject) ??
    (await compareFingerprints(log, info, subject))
  );
}

const codec = createCodec();

/** The fence of the newest erasure in the log; 0 without an erasure. */
export async function newestFence(log: Log): Promise<StreamSeq> {
  const message = await log.newest(ERASURE_RECORDS);
  const decoded = message && codec.decode(message);
  if (decoded?.kind !== 'event' || decoded.event.type !== 'control.erased.v1') return streamSeq(0);
  return fenceOf(decoded.event.data.fence, decoded.event.seq);
}

/** The two ways on if messages are lost. */
const RESTORE_OR_ACCEPT =
  'restore the log from a backup that holds the missing messages; without one, freshet log check lists them, and freshet log accept-loss goes on without them';

/** Only the operator knows which of the two is right. */
const nextOf = (service: string): string =>
  `freshet replay ${service}, if this log is the right one: it rebuilds the projection from it; if not, restore the log from a backup`;

function compareState(
  info: LogInfo,
  { service, checkpoint, skipped = streamSeq(0) }: CheckSubject,
): LogRefusedError | undefined {
  const next = nextOf(service);
  if (info.lastSeq < checkpoint.seq)
    return new LogTruncatedError(
      `The stream ${info.stream} ends at sequence ${info.lastSeq}, and the projection has folded sequence ${checkpoint.seq}.`,
      { next, details: { found: info.lastSeq, expected: checkpoint.seq } },
    );
  if (info.firstSeq > checkpoint.fence + 1 && info.lastSeq > checkpoint.fence)
    return new LogPrunedError(
      `The stream ${info.stream} starts at sequence ${info.firstSeq}. Earlier messages are missing, and no erasure removed them (fence ${checkpoint.fence}).`,
      {
        next: RESTORE_OR_ACCEPT,
        details: { found: info.firstSeq, expected: 1, fence: checkpoint.fence },
      },
    );
  const missing = Math.max(info.lastMissing, skipped);
  if (missing > checkpoint.fence)
    return new LogPrunedError(
      `Sequence ${missing} of ${info.stream} is missing, and no erasure removed it (fence ${checkpoint.fence}).`,
      {
        next: RESTORE_OR_ACCEPT,
        details: { found: 'missing', seq: missing, fence: checkpoint.fence },
      },
    );
  return undefined;
}

async function compareFingerprints(
  log: Log,
  info: LogInfo,
  subject: CheckSubject,
): Promise<LogRefusedError | undefined> {
  const { service, checkpoint, fingerprints } = subject;
  const next = nextOf(service);
  for (const fingerprint of fingerprints) {
    const message = await log.at(fingerprint.seq);
    if (message) {
      const digest = messageDigest(message);
      if (digest === fingerprint.digest && message.timestamp === fingerprint.timestamp) return undefined;
      return new LogForkedError(
        `Sequence ${fingerprint.seq} of ${info.stream} holds another message than the one that the service folded: ${digest} of ` +
          `${new Date(message.timestamp).toISOString()} instead of ${fingerprint.digest} of ${new Date(fingerprint.timestamp).toISOString()}.`,
        {
          next,
          details: {
            seq: fingerprint.seq,
            found: { digest, timestamp: message.timestamp },
            expected: { digest: fingerprint.digest, timestamp: fingerprint.timestamp },
          },
        },
      );
    }
    if (fingerprint.seq > checkpoint.fence)
      return new LogPrunedError(
        `Sequence ${fingerprint.seq} of ${info.stream} is missing, and no erasure removed it (fence ${checkpoint.fence}).`,
        {
          next: RESTORE_OR_ACCEPT,
          details: { found: 'missing', expected: fingerprint.digest, seq: fingerprint.seq, fence: checkpoint.fence },
        },
      );
  }
  return undefined;
}
