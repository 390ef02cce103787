/**
 * What the record of a restore changes for the checks (decision 0032). It explains the messages that are missing behind the
 * end of the backup, and it says for which older state the log is still the same one.
 */
import { LogForkedError, LogRecreatedError, type LogRefusedError } from '../../errors.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import type { Log, LogInfo } from '../log/port.ts';
import { continues, type Restores } from '../log/restores.ts';
import { rangeWith, without } from '../log/sequences.ts';
import type { CheckSubject } from './checks.ts';

/**
 * Refuses state of another stream, unless the log continues that stream and the state reaches no further than the backup;
 * and state that holds messages from behind the end of the backup.
 */
export function compareRestores(
  info: LogInfo,
  restores: Restores,
  { checkpoint, folded }: Pick<CheckSubject, 'checkpoint' | 'folded'>,
  next: string,
): LogRefusedError | undefined {
  const { created, seq } = checkpoint;
  if (created !== '' && created !== info.created) {
    const last = continues(restores, created);
    if (last !== undefined && seq <= last) return undefined;
    return new LogRecreatedError(
      last === undefined
        ? `The stream ${info.stream} was created at ${info.created}, and the projection comes from one created at ${created}.`
        : `The stream ${info.stream} was restored from a backup that ends at sequence ${last}, and the projection has folded sequence ${seq}: it holds events that the log has lost.`,
      { next, details: { found: info.created, expected: created, ...(last === undefined ? {} : { last, seq }) } },
    );
  }
  const hole = rangeWith(restores.holes, seq);
  const beforeRecord = restores.seq > 0 && seq >= restores.seq && folded !== undefined && !folded(restores.identity);
  if (!hole && !beforeRecord) return undefined;
  return new LogForkedError(
    hole
      ? `The stream ${info.stream} was restored from a backup without the sequences ${hole.first} to ${hole.last}, and the projection has folded sequence ${seq}: it holds events that the log has lost.`
      : `The stream ${info.stream} was restored from a backup before sequence ${restores.seq}, and the projection has folded other messages up to sequence ${seq}.`,
    { next, details: { restored: restores.seq, seq, ...(hole ? { hole } : {}) } },
  );
}

/** Per log the last answer of {@link lastUnexplained}, since the list of missing sequences may be long. */
const known = new WeakMap<Log, { of: string; last: StreamSeq }>();

/** The highest missing sequence that no restore explains; 0 if neither erasures nor restores leave one open. */
export async function lastUnexplained(
  log: Log,
  info: LogInfo,
  { seq, holes }: Restores,
  fence: StreamSeq,
): Promise<StreamSeq> {
  const { created, lastSeq, messages, lastMissing } = info;
  if (lastMissing <= fence || !rangeWith(holes, lastMissing)) return lastMissing;
  const of = [created, lastSeq - messages, seq, fence].join('/');
  const before = known.get(log);
  if (before?.of === of) return before.last;
  const last = streamSeq(without(await log.missing(fence), holes).at(-1)?.last ?? 0);
  known.set(log, { of, last });
  return last;
}
