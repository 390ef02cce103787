/**
 * Takes a forgotten id out of nats-server: the id's events, the copies of their dead letters, and the ranking in KV. It
 * overwrites each message before it purges the subject, because a purge leaves the bytes in the server's files. A bucket
 * refuses that (`deny_delete`), so all its values are written again at the end.
 */
import type { JetStreamManager, NatsConnection, StoredMsg } from 'nats';
import { DEAD_LETTERS, ERASURES, EVENTS, RANKINGS } from '../../../streams.config.ts';
import { decodeToken, encodeToken } from '../event/ids.ts';
import { entitySubjects } from '../event/subject.ts';
import { isNotFound } from '../nats/connection.ts';
import { stepTaken } from '../projection/file-steps.ts';
import { announceRemoval } from '../streams/announce-removal.ts';
import type { Erasure } from './ledger.ts';
import { removeMessages, sequencesOn } from './remove-messages.ts';
import { rewriteBucket } from './rewrite-bucket.ts';

/** Messages that one erasure has the server overwrite until it is the turn of another. */
const TURN = 100;

export interface PurgeOptions {
  nc: NatsConnection;
  jsm: () => Promise<JetStreamManager>;
  /** False: only purge, and leave the bytes to the server. */
  overwrite: boolean;
  signal: AbortSignal;
}

export type ForgottenSince = (user: string, seq: number) => boolean;

export interface Purge {
  /**
   * Removes an id. It can run again at any time, and goes on where it was.
   *
   * @param below events of the id from this sequence on stay
   * @param onRemoved called after each message that is overwritten
   */
  id(id: string, below: number, onRemoved: () => void): Promise<void>;
  /** The same for all ids of an erasure whose names are known. */
  entry(entry: Pick<Erasure, 'pending' | 'acts'>, onRemoved?: () => void): Promise<void>;
  /** How many messages of the log the ids have, at most. */
  count(ids: readonly string[]): Promise<number>;
  /**
   * Removes the bytes of what the buckets of rankings and erasures no longer hold. One run serves all erasures that asked
   * for it before it began.
   *
   * @param forgottenSince tells whether an erasure forgot a user at a later position of the log than this one
   */
  olderValues(forgottenSince: () => Promise<ForgottenSince>): Promise<void>;
}

export function createPurge({ nc, jsm, overwrite, signal }: PurgeOptions): Purge {
  /** The run that the next caller joins, and the one before it. */
  let next: Promise<void> | undefined;
  let before: Promise<unknown> = Promise.resolve();

  let turns: Promise<unknown> = Promise.resolve();
  /**
   * Erasures take turns. The server overwrites one message at a time, and if all of them asked at once, their requests would
   * run into their time-outs.
   */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const mine = turns.then(work);
    turns = mine.catch(() => {});
    return mine;
  }

  async function overwriteAll(stream: string, seqs: AsyncIterable<number>, onRemoved: () => void): Promise<void> {
    const manager = await jsm();
    const remove = (some: readonly number[]): Promise<void> =>
      inTurn(() => removeMessages(manager, stream, some, { onRemoved, signal }));
    let some: number[] = [];
    for await (const seq of seqs) {
      some.push(seq);
      if (some.length < TURN) continue;
      await remove(some);
      signal.throwIfAborted();
      some = [];
    }
    await remove(some);
  }

  async function id(one: string, below: number, onRemoved: () => void): Promise<void> {
    const manager = await jsm();
    const token = encodeToken(one);
    const remove = async (stream: string, filter: string, limit?: number): Promise<void> => {
      if (overwrite) await overwriteAll(stream, sequencesOn(manager, stream, filter, limit), onRemoved);
      signal.throwIfAborted();
      await manager.streams.purge(stream, { filter, ...(limit === undefined ? {} : { seq: limit }) });
    };
    for (const context of ['user', 'feedback'] as const) {
      await remove(EVENTS.name, entitySubjects(context, one), below);
      stepTaken('erasure-events-purged');
      await remove(DEAD_LETTERS.name, `dlq.*.${context}.${token}.*`).catch(unlessMissing);
    }
    await removeRanking(manager, `user.${token}`).catch(unlessMissing);
  }

  async function removeRanking(manager: JetStreamManager, key: string): Promise<void> {
    const stream = `KV_${RANKINGS.name}`;
    const filter = `$KV.${RANKINGS.name}.${key}`;
    const { state } = await manager.streams.info(stream, { subjects_filter: filter });
    // Only for a key that is there: its subject names the user.
    if (state.subjects?.[filter]) await announceRemoval(nc, RANKINGS.name, key);
    await manager.streams.purge(stream, { filter });
  }

  async function entry({ pending = [], acts }: Pick<Erasure, 'pending' | 'acts'>, onRemoved = () => {}): Promise<void> {
    for (const [i, one] of pending.entries()) await id(one, acts[i]?.seq as number, onRemoved);
  }

  async function count(ids: readonly string[]): Promise<number> {
    let sum = 0;
    for (const one of ids)
      for (const context of ['user', 'feedback'] as const) {
        const { state } = await (await jsm()).streams.info(EVENTS.name, {
          subjects_filter: entitySubjects(context, one),
        });
        for (const messages of Object.values(state.subjects ?? {})) sum += messages;
      }
    return sum;
  }

  function olderValues(forgottenSince: () => Promise<ForgottenSince>): Promise<void> {
    if (!overwrite) return Promise.resolve();
    next ??= before.then(async () => {
      next = undefined;
      const forgotten = await forgottenSince();
      // A server that was killed may bring a purged value back (seen on 2.14.6 and 2.15.1).
      await rewriteBucket(nc, await jsm(), RANKINGS, (message) => {
        const ranking = rankingOf(message);
        return ranking !== undefined && forgotten(ranking.user, ranking.seq);
      });
      await rewriteBucket(nc, await jsm(), ERASURES);
    });
    before = next.catch(() => {});
    return next;
  }

  return { id, entry, count, olderValues };
}

const USERS = `$KV.${RANKINGS.name}.user.`;

/** Whose ranking a value is, and its position in the log; undefined for another value. */
function rankingOf({ subject, data }: StoredMsg): { user: string; seq: number } | undefined {
  const user = subject.startsWith(USERS) ? decodeToken(subject.slice(USERS.length)) : undefined;
  if (user === undefined) return undefined;
  try {
    const { seq } = JSON.parse(Buffer.from(data).toString('utf8')) as { seq?: unknown };
    return typeof seq === 'number' ? { user, seq } : undefined;
  } catch {
    return undefined;
  }
}

/** A stream of derived data may not exist yet. */
function unlessMissing(err: unknown): void {
  if (!isNotFound(err)) throw err;
}
