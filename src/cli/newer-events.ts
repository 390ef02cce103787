/** Whether an import brings old history behind live events: a bounded question to the user service. */
import type { NatsConnection } from 'nats';
import type { CloudEvent } from '../bus/event/types.ts';
import { call } from '../bus/nats/micro.ts';
import { RemoteProblemError } from '../bus/nats/problem.ts';
import { ServiceUnavailableError } from '../errors.ts';

/** Most users to ask about, so that the question takes a fraction of a second whatever the size of the import. */
const USERS_ASKED = 200;

/**
 * Asks for some users of a batch whether the log holds newer events of them than the batch. Returns a remark for people,
 * or undefined if the log holds none. An import publishes its batches in order of time, so the caller asks about one batch
 * alone.
 */
export async function remarkOnNewerEvents(
  nc: NatsConnection,
  batch: readonly CloudEvent[],
): Promise<string | undefined> {
  const latest = new Map<string, number>();
  for (const { type, subject, time } of batch) {
    if (!type.startsWith('user.') || time === undefined) continue;
    if (latest.size >= USERS_ASKED && !latest.has(subject)) continue;
    latest.set(subject, Math.max(latest.get(subject) ?? Number.NEGATIVE_INFINITY, Date.parse(time)));
  }
  try {
    const newer = await Promise.all([...latest].map(([user, time]) => hasNewer(nc, user, time)));
    const count = newer.filter(Boolean).length;
    if (count === 0) return undefined;
    return `${count} of ${latest.size} users that the import asked about have newer events in the log. A history is in the order of the log, so the imported events count as what these users did last, and their lists follow them until the users act again. To avoid this, import the history into an empty log before live events arrive.`;
  } catch (err) {
    if (!(err instanceof ServiceUnavailableError)) throw err;
    return 'The user service does not answer, so the import cannot tell whether users have newer events in the log.';
  }
}

async function hasNewer(nc: NatsConnection, user: string, time: number): Promise<boolean> {
  try {
    const { last_seen } = await call<{ last_seen: string | null }>(nc, 'freshet.user.get', { user });
    return last_seen !== null && Date.parse(last_seen) > time;
  } catch (err) {
    if (err instanceof RemoteProblemError && err.code === 'FRESHET_NOT_FOUND') return false;
    throw err;
  }
}
