/**
 * The restores of the log from a backup, as the newest record in the log tells them (decision 0032): which streams the log
 * continues and up to where, and which sequences behind the end of a backup hold no message.
 */
import { createCodec } from '../event/codec.ts';
import { RESTORE_RECORDS } from '../event/subject.ts';
import type { Log } from './port.ts';
import type { SequenceRange } from './sequences.ts';

export interface Restores {
  /** Sequence of the record; 0 in a log that nobody restored. */
  seq: number;
  /** Identity of the record: a projection that has folded it comes from this log. */
  identity: string;
  /** The streams whose messages this log continues, and the last sequence that it has from each. */
  lineage: readonly { created: string; last: number }[];
  /** Sequences without a message that the restores explain, in order. */
  holes: readonly SequenceRange[];
}

export const NO_RESTORES: Restores = { seq: 0, identity: '', lineage: [], holes: [] };

const codec = createCodec();

/** Reads the newest record; each record repeats what the earlier ones say. */
export async function readRestores(log: Pick<Log, 'newest'>): Promise<Restores> {
  const message = await log.newest(RESTORE_RECORDS);
  const decoded = message && codec.decode(message);
  if (decoded?.kind !== 'event' || decoded.event.type !== 'control.backup_restored.v1') return NO_RESTORES;
  const { seq, identity, data } = decoded.event;
  // A record never explains that messages are missing which came after it.
  const holes = data.holes.map(({ first, last }) => ({ first, last: Math.min(last, seq - 1) }));
  return { seq, identity, lineage: data.lineage, holes: holes.filter(({ first, last }) => first <= last) };
}

/** Up to where the log holds the messages of an earlier stream; undefined if it does not continue that stream. */
export const continues = ({ lineage }: Restores, created: string): number | undefined =>
  lineage.find((earlier) => earlier.created === created)?.last;
