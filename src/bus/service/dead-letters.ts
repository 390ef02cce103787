/** The dead letters of all services as an operator handles them: the list, the reasons, and the marks of resolved ones. */
import type { NatsConnection } from 'nats';
import { DEAD_LETTER_MARKS, DEAD_LETTERS } from '../../../streams.config.ts';
import { DeadLetterUnreadableError } from '../../errors.ts';
import type { EventCodec } from '../event/codec.ts';
import type { StreamSeq } from '../event/ids.ts';
import { deadLetterSubject } from '../event/subject.ts';
import { isNotFound } from '../nats/connection.ts';
import { call } from '../nats/micro.ts';
import { SERVICES, type ServiceName } from '../projection/definition.ts';
import { applyStreams } from '../streams/plan.ts';
import { deadLetterCopies } from './dead-letter-stream.ts';
import type { DeadLetterMention } from './endpoints.ts';

/** How an operator resolved a dead letter. */
export interface DeadLetterMark {
  done: 'discarded' | 'corrected';
  /** RFC 3339. */
  at: string;
  /** Sequence of the corrected event. */
  seq?: number;
}

export type ListedDeadLetter = DeadLetterMention & { service: ServiceName; mark?: DeadLetterMark };
/** A dead letter with its payload, base64. */
export type ShownDeadLetter = DeadLetterMention & { payload: string };

/** Dead letters per request. */
const PAGE = 500;

export interface DeadLetterQuery {
  services?: readonly ServiceName[];
  code?: string | undefined;
  /** Also those that an operator has discarded or corrected. */
  all?: boolean | undefined;
  /** Dead letters of all services that the search reads at most; left out: no limit. */
  most?: number;
}

export interface FoundDeadLetters {
  /** By service, then by sequence. */
  found: ListedDeadLetter[];
  /** Whether the search has read all of them. */
  complete: boolean;
}

/** Throws `ServiceUnavailableError` if a service does not answer. */
export async function findDeadLetters(nc: NatsConnection, query: DeadLetterQuery = {}): Promise<FoundDeadLetters> {
  const { services = SERVICES, code, all = false, most = Number.POSITIVE_INFINITY } = query;
  const known = await marks(nc);
  const found: ListedDeadLetter[] = [];
  let left = most;
  for (const service of services) {
    for (let after: number | null = 0; after !== null; ) {
      if (left <= 0) return { found, complete: false };
      const page: { dead_letters: DeadLetterMention[]; next: number | null } = await call(
        nc,
        `freshet.${service}.dead_letters`,
        { after, n: Math.min(PAGE, left) },
      );
      left -= page.dead_letters.length;
      for (const dead of page.dead_letters) {
        const mark = known.get(`${service}.${dead.seq}`);
        if ((mark && !all) || (code !== undefined && dead.code !== code)) continue;
        found.push({ service, ...dead, ...(mark ? { mark } : {}) });
      }
      after = page.next;
    }
  }
  return { found, complete: true };
}

/** Throws `RemoteProblemError` with `FRESHET_NOT_FOUND`. */
export const readDeadLetter = (nc: NatsConnection, service: ServiceName, seq: number): Promise<ShownDeadLetter> =>
  call<ShownDeadLetter>(nc, `freshet.${service}.dead_letters`, { seq });

const bucket = (nc: NatsConnection) => nc.jetstream().views.kv(DEAD_LETTER_MARKS.name, { bindOnly: true });

/** All marks, by `<service>.<sequence>`. Empty also without the bucket, which the first mark creates. */
async function marks(nc: NatsConnection): Promise<Map<string, DeadLetterMark>> {
  const found = new Map<string, DeadLetterMark>();
  try {
    const kv = await bucket(nc);
    const keys: string[] = [];
    for await (const key of await kv.keys()) keys.push(key);
    for (const key of keys) {
      const entry = await kv.get(key);
      if (entry?.operation === 'PUT') found.set(key, entry.json<DeadLetterMark>());
    }
  } catch (err) {
    if (!isNotFound(err)) throw err;
  }
  return found;
}

/** How an operator resolved this dead letter; undefined: it is open. */
export async function markOf(
  nc: NatsConnection,
  service: ServiceName,
  seq: number,
): Promise<DeadLetterMark | undefined> {
  try {
    const entry = await (await bucket(nc)).get(`${service}.${seq}`);
    return entry?.operation === 'PUT' ? entry.json<DeadLetterMark>() : undefined;
  } catch (err) {
    if (isNotFound(err)) return undefined;
    throw err;
  }
}

/** Marks the dead letter, and deletes its copy from the stream that other programs may watch. */
export async function resolveDeadLetter(
  nc: NatsConnection,
  service: ServiceName,
  { seq, subject }: Pick<DeadLetterMention, 'seq' | 'subject'>,
  mark: DeadLetterMark,
): Promise<void> {
  await applyStreams(nc, { onlyMissing: true }, [DEAD_LETTER_MARKS]);
  await (await bucket(nc)).put(`${service}.${seq}`, JSON.stringify(mark));
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  for await (const copy of deadLetterCopies(nc, deadLetterSubject(service, subject)))
    if (copy.of === seq) await jsm.streams.deleteMessage(DEAD_LETTERS.name, copy.seq);
}

/** Why this release cannot fold the event of a dead letter; undefined: a rebuild folds it at its own sequence. */
export function unreadable(codec: EventCodec, dead: ShownDeadLetter): { code: string; message: string } | undefined {
  const { seq, subject, code, message, payload } = dead;
  const decoded = codec.decode({
    seq: seq as StreamSeq,
    subject,
    payload: Buffer.from(payload, 'base64'),
    timestamp: 0,
  });
  if (decoded.kind === 'dead') return decoded.problem;
  return decoded.kind === 'event' && code !== 'FRESHET_EVENT_IDENTITY_REUSED' ? undefined : { code, message };
}

/**
 * Checks whether this release can fold the event. Publishing it again would add a second one: a rebuild of the service
 * folds it. Throws `DeadLetterUnreadableError`.
 *
 * @param next what the caller does about an invalid event
 */
export function checkReadable(codec: EventCodec, dead: ShownDeadLetter, next: string): void {
  const problem = unreadable(codec, dead);
  if (problem)
    throw new DeadLetterUnreadableError(`The event at sequence ${dead.seq} is invalid: ${problem.message}`, {
      next,
      details: { reason: problem.code },
    });
}
