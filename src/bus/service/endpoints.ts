/** The endpoints that every service has, and `min_seq`, which every read takes. */
import { Type } from 'typebox';
import type { Config } from '../../config/schema.ts';
import { ErasureUnderWayError, NotFoundError, ServiceUnavailableError } from '../../errors.ts';
import { streamSeq } from '../event/ids.ts';
import type { Endpoint } from '../nats/micro.ts';
import { requiredId, wholeNumber } from '../nats/request.ts';
import { createRequestCheck } from '../nats/request-check.ts';
import { freshness } from '../nats/request-members.ts';
import type { ProjectionLoop } from '../projection/loop.ts';
import type { DeadLetter, ProjectionStore } from '../projection/store.ts';
import type { ServiceStatus } from './description.ts';
import type { ProjectionRuntime } from './runtime.ts';

/** `min_seq` and `timeout_ms` mean the same for every read: a state that holds the event with that sequence. */
export function withMinSeq(
  endpoints: Readonly<Record<string, Endpoint>>,
  loop: ProjectionLoop,
  config: Config,
): Record<string, Endpoint> {
  const check = freshnessCheck(config);
  const wrapped: Record<string, Endpoint> = {};
  for (const [name, { accept, ...endpoint }] of Object.entries(endpoints)) {
    wrapped[name] = {
      ...endpoint,
      handle: async (request) => {
        loop.requested();
        // An invalid request is refused without a wait.
        const answer = accept?.(request) ?? (() => endpoint.handle(request));
        await reachMinSeq(request, accept ? request : check(request), loop, config, endpoint.ofInstance);
        return answer();
      },
    };
  }
  return wrapped;
}

/** The position that a read waits for; null counts as left out. */
interface Freshness {
  min_seq?: number | null;
  timeout_ms?: number | null;
}

const freshnessCheck = ({ http }: Config) => createRequestCheck(Type.Object(freshness(http)));

/** @param checked the request, whose `min_seq` and `timeout_ms` are valid */
async function reachMinSeq(
  request: object,
  checked: Freshness,
  loop: ProjectionLoop,
  { http }: Config,
  ofInstance = false,
): Promise<void> {
  const { state, trouble } = loop.status();
  // A service that rebuilds after an accepted loss has rows of messages that the log no longer holds.
  if (state === 'refusing' || trouble?.code === 'FRESHET_LOSS_ACCEPTED')
    throw new ServiceUnavailableError(trouble?.message ?? 'The log is not the one that this state comes from.', {
      ...(trouble?.next ? { next: trouble.next } : {}),
      details: { reason: trouble?.code },
    });
  // A question about the instance, such as the hash of its state, gets the answer of the present moment.
  const minSeq = Math.max(checked.min_seq ?? 0, ofInstance ? 0 : loop.answersFrom());
  if (minSeq <= loop.position()) return;
  await loop.reached(streamSeq(minSeq), checked.timeout_ms ?? http.min_seq_timeout_ms, waitingBytes(request));
}

/** Bytes that a waiting request takes beside its text: its message, its promises and its timer. */
const WAITING_BYTES = 4_096;
const waitingBytes = (request: object): number => WAITING_BYTES + 2 * JSON.stringify(request).length;

/** Most identities in one request. */
export const KNOWN_MAX = 5_000;

export function commonEndpoints(
  runtime: () => Promise<ProjectionRuntime>,
  status: () => ServiceStatus,
  config: Config,
): Record<string, Endpoint> {
  const check = freshnessCheck(config);
  const store = async (): Promise<ProjectionStore> => (await runtime()).store;
  return {
    status: { ...COMMON_ENDPOINTS.status, handle: () => status() },
    known: {
      ...COMMON_ENDPOINTS.known,
      handle: async ({ identities }) => {
        const asked = Array.isArray(identities) ? identities.slice(0, KNOWN_MAX).map(String) : [];
        const current = await store();
        const found = current.known(asked);
        return {
          known: found.map((one) => one?.seq ?? null),
          fingerprints: found.map((one) => one?.fingerprint ?? null),
          seq: current.checkpoint().seq,
        };
      },
    },
    held: {
      ...COMMON_ENDPOINTS.held,
      handle: async (request) => {
        const { loop, store: rows, personalData } = await runtime();
        await reachMinSeq(request, check(request), loop, config);
        const at = { seq: loop.position(), parts: personalData.parts };
        if (request.part === undefined) return at;
        const id = requiredId(request, 'user');
        if (rows.isErasing(id))
          throw new ErasureUnderWayError(`Freshet is removing the data of ${JSON.stringify(id)} after an erasure.`, {
            next: 'freshet forget --status; try again once the erasure is done',
          });
        const n = wholeNumber(request, 'n', { default: 100, min: 1, max: PERSONAL_DATA_MAX });
        const after = typeof request.after === 'string' || typeof request.after === 'number' ? request.after : null;
        return { ...at, ...personalData.read(String(request.part), id, after, n) };
      },
    },
    dead_letters: {
      ...COMMON_ENDPOINTS.dead_letters,
      handle: async (request) => {
        const current = await store();
        if (request.seq !== undefined) {
          const seq = wholeNumber(request, 'seq', { default: 0, min: 1, max: Number.MAX_SAFE_INTEGER });
          const dead = current.deadLetter(seq);
          if (!dead)
            throw new NotFoundError(`The service has no dead letter at sequence ${seq}.`, { next: 'freshet dlq list' });
          return { ...mentionOf(dead), payload: Buffer.from(dead.payload).toString('base64') };
        }
        const n = wholeNumber(request, 'n', { default: 100, min: 1, max: DEAD_LETTERS_MAX });
        const after = wholeNumber(request, 'after', { default: 0, min: 0, max: Number.MAX_SAFE_INTEGER });
        const found = current.deadLetters(after, n + 1);
        const page = found.slice(0, n);
        return { dead_letters: page.map(mentionOf), next: found.length > n ? (page.at(-1)?.seq ?? null) : null };
      },
    },
  };
}

/** The endpoints of every service. */
export const COMMON_ENDPOINTS = {
  status: {
    description: 'State, sequence, lag and number of dead letters of the instance',
    example: {},
    ofInstance: true,
  },
  known: {
    description:
      'For each identity <source>/<id> the sequence of the event that the service has folded, and a hash of its type, subject, time and data, or null if it has folded none',
    example: { identities: ['shop-web/01JD'] },
  },
  held: {
    description:
      'The personal data that the service holds under an id: a page of one part. Without part, the names of the parts',
    example: { user: 'u42', part: 'identity', n: 100 },
  },
  dead_letters: {
    description: 'The dead letters of the service, in pages. With seq, one of them with its payload',
    example: { after: 0, n: 100 },
  },
} as const;

/** Most records in one page of personal data. */
const PERSONAL_DATA_MAX = 1_000;

/** Most dead letters in one page. */
const DEAD_LETTERS_MAX = 500;

/** A dead letter without its payload. */
export interface DeadLetterMention {
  seq: number;
  subject: string;
  code: string;
  message: string;
  bytes: number;
}

const mentionOf = ({ seq, subject, code, message, payload }: DeadLetter): DeadLetterMention => ({
  seq,
  subject,
  code,
  message,
  bytes: payload.length,
});
