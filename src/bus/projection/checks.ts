/**
 * Checks whether this is still the log that the checkpoint comes from. A truncated log gives out sequences again under the
 * same creation time, and the server does not report it, so the check compares the newest messages that the service read.
 */
import { LogForkedError, LogPrunedError, type LogRefusedError, LogTruncatedError } from '../../errors.ts';
import { createCodec } from '../event/codec.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import { ERASURE_RECORDS } from '../event/subject.ts';
import type { Log, LogInfo } from '../log/port.ts';
import { type Restores, readRestores } from '../log/restores.ts';
import type { SequenceRange } from '../log/sequences.ts';
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
}

export interface Checked {
  info: LogInfo;
  /** How far erasures explain that messages are missing. */
  fence: StreamSeq;
  /** Sequences without a message that restores explain, in order. */
  holes: readonly SequenceRange[];
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
  return refused ? { info, fence, holes, refused } : { info, fence, holes };
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
async function newestFence(log: Log): Promise<StreamSeq> {
  const message = await log.newest(ERASURE_RECORDS);
  const decoded = message && codec.decode(message);
  if (decoded?.kind !== 'event' || decoded.event.type !== 'control.erased.v1') return streamSeq(0);
  return fenceOf(decoded.event.data.fence, decoded.event.seq);
}

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
        next: 'nats stream info EVENTS, then restore the stream from a backup',
        details: { found: info.firstSeq, expected: 1, fence: checkpoint.fence },
      },
    );
  const missing = Math.max(info.lastMissing, skipped);
  if (missing > checkpoint.fence)
    return new LogPrunedError(
      `Sequence ${missing} of ${info.stream} is missing, and no erasure removed it (fence ${checkpoint.fence}).`,
      {
        next: 'nats stream info EVENTS, then restore the stream from a backup',
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
          next: 'restore the stream from a backup',
          details: { found: 'missing', expected: fingerprint.digest, seq: fingerprint.seq, fence: checkpoint.fence },
        },
      );
  }
  return undefined;
}
