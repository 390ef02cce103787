/**
 * Takes messages out of a stream so that no byte of them stays in the server's files. A purge only marks messages as
 * removed; the delete of one message overwrites its bytes. Measured: 0.1 ms a message on nats-server 2.9 and 2.10. From
 * 2.12 on the server writes the whole block of up to 8 MiB again for each message: 4 ms in memory, 10 ms on a disk.
 */
import { type JetStreamManager, NatsError } from 'nats';

/** Deletes under way at once. The server carries out one at a time, and publishers wait behind those that it has. */
const AT_ONCE = 4;
/** Error codes of the server. A delete of a message that it does not hold fails with these words. */
const NO_MESSAGE = 10037;
const DELETE_FAILED = 10057;
const GONE = /no message found|deleted message|stream store eof/i;

export interface RemoveMessagesOptions {
  /** Called after each message that is gone. */
  onRemoved?: (seq: number) => void;
  /** Ends the work early, without an error. What is removed stays removed. */
  signal?: AbortSignal;
}

/**
 * Deletes messages by their sequences, and overwrites their bytes. Messages that the stream does not hold (any more) count
 * as removed, so a caller can run it again after a crash. Throws the first error of the server, once no delete is under
 * way. A stream that forbids deletes (`deny_delete`) is such an error.
 */
export async function removeMessages(
  jsm: JetStreamManager,
  stream: string,
  seqs: Iterable<number> | AsyncIterable<number>,
  { onRemoved, signal }: RemoveMessagesOptions = {},
): Promise<void> {
  const failures: unknown[] = [];
  const underWay = new Set<Promise<void>>();
  const removeOne = async (seq: number): Promise<void> => {
    try {
      await jsm.streams.deleteMessage(stream, seq, true);
    } catch (err) {
      if (!isGone(err)) {
        failures.push(err);
        return;
      }
    }
    onRemoved?.(seq);
  };
  try {
    for await (const seq of seqs) {
      if (failures.length > 0 || signal?.aborted) break;
      const work = removeOne(seq).finally(() => underWay.delete(work));
      underWay.add(work);
      if (underWay.size >= AT_ONCE) await Promise.race(underWay);
    }
  } finally {
    await Promise.all(underWay);
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * The sequences of a stream's messages on a subject (wildcards allowed), in order, below a limit. It asks for one after
 * the other: a consumer would leave the subject, and with it an id, in the server's files.
 */
export async function* messagesOn(
  jsm: JetStreamManager,
  stream: string,
  subject: string,
  below = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<number> {
  for (let from = 1; ; ) {
    let seq: number;
    const query = { seq: from, next_by_subj: subject };
    try {
      ({ seq } = await jsm.streams.getMessage(stream, query));
    } catch (err) {
      if (isMissing(err)) return;
      throw err;
    }
    if (seq >= below) return;
    yield seq;
    from = seq + 1;
  }
}

/** Whether the stream holds no such message; a missing stream is another error. */
const isMissing = (err: unknown): boolean => err instanceof NatsError && err.api_error?.err_code === NO_MESSAGE;

const isGone = (err: unknown): boolean =>
  isMissing(err) ||
  (err instanceof NatsError && err.api_error?.err_code === DELETE_FAILED && GONE.test(err.api_error.description ?? ''));
