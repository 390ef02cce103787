/**
 * Removes messages of other data subjects that name a forgotten id (decision 0035): first the record with their
 * sequences, then the messages, last the copies of those that are dead letters. Each step can run again.
 */
import { randomBytes } from 'node:crypto';
import type { JetStreamManager, NatsConnection } from 'nats';
import { DEAD_LETTERS, EVENTS } from '../../../streams.config.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import { deadLetterSubject, eventSubject } from '../event/subject.ts';
import { EVENT_LIMITS } from '../event/types.ts';
import type { Log } from '../log/port.ts';
import { SERVICES } from '../projection/definition.ts';
import type { Mention } from '../projection/mentions.ts';
import { deadLetterCopies } from '../service/dead-letter-stream.ts';
import type { Erasure, ErasureRemoval } from './ledger.ts';
import type { ErasureRecords } from './records.ts';
import { removeMessages } from './remove-messages.ts';

export interface MentionRemovalOptions {
  nc: NatsConnection;
  jsm: () => Promise<JetStreamManager>;
  log: Log;
  records: ErasureRecords;
  /** Stores the progress of an erasure. */
  put: (entry: Erasure) => Promise<void>;
  /** Waits until the rows that {@link mentionsOf} reads hold the log up to a position. Throws if that takes too long. */
  caughtUp: (seq: StreamSeq) => Promise<unknown>;
  /** The messages before the record of an erasure that name this id, or an event of it. */
  mentionsOf: (id: string, record: number) => Mention[];
}

export interface MentionRemoval {
  /** Removes the mentions before the records of an erasure from the log. */
  removeMentions(entry: Erasure): Promise<void>;
  /** Removes copies of dead letters that were mentions, once all services have folded the records. */
  removeCopies(entry: Erasure): Promise<void>;
}

/** Verbs of events that can be mentions. */
const VERBS = ['linked', 'retracted'] as const;

export function createMentionRemoval(options: MentionRemovalOptions): MentionRemoval {
  const { nc, jsm, log, records, put, caughtUp, mentionsOf } = options;

  async function removeMentions(entry: Erasure): Promise<void> {
    entry.removals ??= [];
    for (let open = entry.removals.find(({ sequences }) => sequences) ?? (await next(entry)); open; ) {
      const sequences = open.sequences ?? [];
      open.seq = await records.removed(open.act, sequences);
      await put(entry);
      await removeMessages(await jsm(), EVENTS.name, sequences);
      delete open.sequences;
      await put(entry);
      await caughtUp(streamSeq(open.seq));
      open = await next(entry);
    }
  }

  /** The next part of the mentions, noted in the ledger; undefined after the last one. */
  async function next(entry: Erasure): Promise<ErasureRemoval | undefined> {
    const { acts, pending = [], removals = [] } = entry;
    await caughtUp(streamSeq(Math.max(...acts.map(({ seq }) => seq))));
    const mentions = pending
      .flatMap((id, i) => mentionsOf(id, acts[i]?.seq as number))
      .slice(0, EVENT_LIMITS.removedSequences);
    if (mentions.length === 0) return undefined;
    const sequences = [...new Set(mentions.map(({ seq }) => seq))].sort((a, b) => a - b);
    const removal = { act: `${entry.erasure}-m${randomBytes(4).toString('hex')}`, seq: 0, sequences };
    removals.push(removal);
    entry.claimants = [...new Set([...(entry.claimants ?? []), ...mentions.map(({ claimant }) => claimant)])];
    await put(entry);
    return removal;
  }

  async function removeCopies({ claimants = [] }: Erasure): Promise<void> {
    for (const claimant of claimants)
      for (const verb of VERBS)
        for (const service of SERVICES) {
          const subject = deadLetterSubject(service, eventSubject('user', claimant, verb));
          const gone: number[] = [];
          for await (const copy of deadLetterCopies(nc, subject))
            if ((await log.at(streamSeq(copy.of))) === undefined) gone.push(copy.seq);
          await removeMessages(await jsm(), DEAD_LETTERS.name, gone);
        }
  }

  return { removeMentions, removeCopies };
}
