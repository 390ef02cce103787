/**
 * Whether the rows of a projection hold effects of messages that the log has lost. Every event that changed a row has an
 * identity or a dead letter with its sequence, so the two tables tell.
 */
import type { Database } from 'better-sqlite3';
import { type AcceptedLoss, lostSequences } from '../log/losses.ts';
import { rangeWith, type SequenceRange } from '../log/sequences.ts';

/** Why a rebuild is due that must come before the service goes on. */
export const LOSS_ACCEPTED = 'the rows hold effects of messages whose loss an operator accepted';

/** Whether a reason of a due rebuild, or one of several, is an accepted loss. */
export const isOfLoss = (reason: string | undefined): boolean => reason?.includes(LOSS_ACCEPTED) === true;

/** Whether the rows hold an event or a dead letter of these sequences. It reads the sequence of every identity. */
export function holdRows(db: Database, sequences: readonly SequenceRange[]): boolean {
  const [first, last] = [sequences[0]?.first, sequences.at(-1)?.last];
  if (first === undefined || last === undefined) return false;
  for (const table of ['dead_letter', 'identity'])
    for (const seq of db
      .prepare<[number, number], number>(`SELECT seq FROM ${table} WHERE seq BETWEEN ? AND ?`)
      .pluck()
      .iterate(first, last))
      if (rangeWith(sequences, seq)) return true;
  return false;
}

/** Whether a projection holds what a loss took from the log. It asks the rows once per loss. */
export function createLostRows(db: Database): (loss: AcceptedLoss) => boolean {
  const known = new Map<number, boolean>();
  return (loss) => {
    // The log no longer has these messages, so the rows never get them; and they keep them until a rebuild replaces the file.
    const holds = known.get(loss.seq) ?? holdRows(db, lostSequences([loss]));
    known.set(loss.seq, holds);
    return holds;
  };
}
