/** Compares a restored log with the manifest of its backup: the check of a backup and a restore do the same. */
import { type FreshetError, RestoreRefusedError } from '../../errors.ts';
import { streamSeq } from '../event/ids.ts';
import type { Log } from '../log/port.ts';
import { type SequenceRange, sizeOf } from '../log/sequences.ts';
import { messageDigest } from '../projection/store.ts';
import type { ArchivedLog, Contents } from './manifest.ts';

/** The parts of ranges up to a sequence, and those behind it. */
function split(ranges: readonly SequenceRange[], at: number): [SequenceRange[], SequenceRange[]] {
  const below = ranges.flatMap(({ first, last }) => (first <= at ? [{ first, last: Math.min(last, at) }] : []));
  const above = ranges.flatMap(({ first, last }) => (last > at ? [{ first: Math.max(first, at + 1), last }] : []));
  return [below, above];
}

const differs = (why: string, details: Record<string, unknown>): FreshetError =>
  new RestoreRefusedError(`The restored log is not the one that was backed up: ${why}.`, {
    next: 'restore another backup',
    details,
  });

/**
 * What the restored log holds. Throws `RestoreRefusedError` if it lacks messages up to S, if messages are back that had been
 * removed, if it lacks messages behind S other than at its very end, or if its newest messages are others.
 */
export async function inspectLog(log: Log, archived: ArchivedLog): Promise<Contents> {
  const { last_seq: end, ends_at: upTo, erasing } = archived;
  const info = await log.info();
  if (info.lastSeq < end || info.lastSeq > upTo)
    throw differs(`it ends at sequence ${info.lastSeq}, and the backup between ${end} and ${upTo}`, {
      found: info.lastSeq,
      expected: [end, upTo],
    });
  const [below, above] = split(await log.missing(streamSeq(0)), end);
  const held = end - sizeOf(below);
  if (held > archived.messages)
    throw differs(
      `it holds ${held} messages up to sequence ${end}, and the backup was made of ${archived.messages}: messages are back that had been removed`,
      { found: held, expected: archived.messages, seq: end },
    );
  if (held < archived.messages && !erasing)
    throw differs(
      `it holds ${held} messages up to sequence ${end}, and the backup was made of ${archived.messages}: messages are missing`,
      { found: held, expected: archived.messages, seq: end },
    );
  const tail = above.at(-1)?.last === info.lastSeq ? above.pop() : undefined;
  // The fence of the erasure that ran explains the others: its record is in the log, or the restore writes it.
  if (above.length > 0 && !erasing)
    throw differs(`the sequences ${above[0]?.first} to ${above[0]?.last} behind the end of the backup are missing`, {
      missing: above,
    });
  await compareNewest(log, archived);
  return {
    messages: info.messages,
    last: tail ? tail.first - 1 : info.lastSeq,
    hole: tail ?? null,
  };
}

async function compareNewest(log: Log, { newest, erasing }: ArchivedLog): Promise<void> {
  for (const { seq, digest, timestamp } of newest) {
    const message = await log.at(seq);
    if (!message && erasing) continue;
    const found = message && messageDigest(message);
    if (found === digest && message?.timestamp === timestamp) continue;
    throw differs(`sequence ${seq} holds ${found ?? 'no message'} instead of ${digest}`, {
      seq,
      found,
      expected: digest,
    });
  }
}
