/** NATS micro services with JSON requests and answers, and errors as problem documents; and the functions to call them. */
import { ErrorCode, type Msg, type NatsConnection, NatsError, type ServiceConfig, type ServiceMsg } from 'nats';
import type { Static, TObject } from 'typebox';
import {
  AnswerTooLargeError,
  BadRequestError,
  ListeningRefusedError,
  messageOf,
  ServiceUnavailableError,
} from '../../errors.ts';
import type { Trace } from '../../observability/tracing/trace-context.ts';
import type { Tracing } from '../../observability/tracing/tracing.ts';
import { headersOf, traceOfHeaders } from './headers.ts';
import { type Problem, problemOf, RemoteProblemError } from './problem.ts';
import { guardReplies, inboxPrefixes } from './reply-subjects.ts';
import { createRequestCheck } from './request-check.ts';
import { coalesce, flushWrites } from './write-coalescing.ts';

export type Json = Record<string, unknown>;

export interface Endpoint {
  /** The description in `nats micro info`. */
  description: string;
  /** An example request, for `nats micro info` and the docs. */
  example: Json;
  /**
   * The endpoint concerns one instance: beside the shared subject, each instance answers on a subject of its own,
   * `<prefix>.<endpoint>.<instance>`, also on standby.
   */
  ofInstance?: boolean;
  /**
   * Checks a request, and returns the function that answers it. A service that must first wait, such as for a position
   * of the log, waits between the two. Only endpoints with a schema have it; their `handle` does both.
   */
  accept?: (request: Json) => () => unknown;
  handle(request: Json): unknown | Promise<unknown>;
}

/** An endpoint that owns the schema of its requests; `handle` gets the checked request. */
export function defineEndpoint<T extends TObject>({
  request: schema,
  handle,
  ...described
}: Pick<Endpoint, 'description' | 'example'> & {
  request: T;
  handle: (request: Static<T>) => unknown;
}): Endpoint {
  const check = createRequestCheck(schema);
  const accept = (request: Json) => {
    const checked = check(request);
    return () => handle(checked);
  };
  return { ...described, accept, handle: (request) => accept(request)() };
}

export interface MicroOptions {
  /** `freshet-user`, ... */
  name: string;
  version: string;
  description: string;
  metadata?: Record<string, string>;
  /** Subjects are `<prefix>.<endpoint>`. */
  prefix: string;
  endpoints: Readonly<Record<string, Endpoint>>;
  /** What `nats micro stats` shows of an instance, in `data` of its endpoint `status`. */
  stats?: () => Json;
  /** Name of this instance; left out: it has no subjects of its own. */
  instance?: string;
  /** On standby, the instance answers only discovery and the subjects of its own, until `activate`. */
  standby?: boolean;
  observe?: (endpoint: string, outcome: 'ok' | 'error', seconds: number) => void;
  onError?: (endpoint: string, err: unknown) => void;
  /** The connection by which answers leave; left out: the one by which requests come. */
  answers?: NatsConnection;
  /** Prefixes of reply subjects that count as inboxes; left out: those of every NATS client. */
  inboxes?: readonly string[];
  /** Gets the endpoint of a request that was dropped because of its reply subject; `discovery` for one on `$SRV`. */
  onRefused?: (endpoint: string, reply: string) => void;
  /** Called if the server ends a subscription, so that the instance answers no requests any more. */
  onEnded?: (err: unknown) => void;
  /** Makes a span for each request whose headers have a trace; left out: none. */
  tracing?: Tracing | undefined;
}

export interface MicroService {
  /** Ends the standby: from now on the instance shares the requests with the other instances. */
  activate(): void;
  stop(): Promise<unknown>;
}

/** What an endpoint has answered, as `nats micro stats` shows it. */
interface EndpointCounts {
  requests: number;
  errors: number;
  /** Milliseconds from requests to their answers. */
  ms: number;
  lastError: string | undefined;
}

/** An endpoint of the NATS client, with the counts that it sends in its answer to `nats micro stats`. */
interface CountedEndpoint {
  name?: string;
  subject: string;
  stats: Record<string, unknown>;
}

const NANOSECONDS = 1_000_000;

/**
 * Replaces the counts of the NATS client: it counts an answered error as a success, and ends the time of a request when
 * the handler returns its promise.
 */
function show({ stats }: CountedEndpoint, { requests, errors, ms, lastError }: EndpointCounts): void {
  Object.assign(stats, {
    num_requests: requests,
    num_errors: errors,
    processing_time: Math.round(ms * NANOSECONDS),
    average_processing_time: requests === 0 ? 0 : Math.round((ms * NANOSECONDS) / requests),
    last_error: lastError,
  });
}

/** Milliseconds of computing after which an answer is sent at once, rather than together with the answers after it. */
const LONG_MS = 0.5;

/** The last error of an endpoint that dropped a request, as `nats micro stats` shows it. */
const REFUSED = '403 FRESHET_REPLY_REFUSED';

/** Serves the endpoints over this connection. Throws `ListeningRefusedError`. */
export async function serveMicro(nc: NatsConnection, options: MicroOptions): Promise<MicroService> {
  const { name, version, description, metadata = {}, prefix, endpoints, stats, observe, onError } = options;
  const { instance, standby = false, answers = nc, inboxes = inboxPrefixes(), onRefused, onEnded, tracing } = options;
  const counts = new Map<string, EndpointCounts & { endpoint: string }>();
  const guarded = guardReplies(nc, {
    prefixes: inboxes,
    answers,
    onRefused: (subject, reply) => {
      const counted = counts.get(subject);
      if (counted) {
        counted.requests++;
        counted.errors++;
        counted.lastError = REFUSED;
      }
      onRefused?.(counted?.endpoint ?? 'discovery', reply);
    },
  });
  const statsHandler = async (endpoint: CountedEndpoint): Promise<Json | null> => {
    const counted = counts.get(endpoint.subject);
    if (counted) show(endpoint, counted);
    return stats && endpoint.name === 'status' ? stats() : null;
  };
  const service = await guarded.services.add({
    name,
    version,
    description,
    metadata,
    statsHandler: statsHandler as unknown as NonNullable<ServiceConfig['statsHandler']>,
  });
  /** Reports an answer that could not be sent: the connection is closed, and the caller runs into its time limit. */
  const unsent = (endpoint: string) => (err: unknown) => onError?.(endpoint, err);
  function serve(endpoint: string, subject: string, { description: what, example, handle }: Endpoint): void {
    const counted = { endpoint, requests: 0, errors: 0, ms: 0, lastError: undefined as string | undefined };
    counts.set(subject, counted);
    const answer = async (msg: ServiceMsg): Promise<void> => {
      const started = performance.now();
      const span = tracing?.follow(`${prefix}.${endpoint}`, traceOfHeaders(msg.headers), { kind: 'server' });
      let outcome: 'ok' | 'error' = 'ok';
      let code: string | undefined;
      try {
        const payload = Buffer.from(JSON.stringify(await handle(parseRequest(msg))));
        checkSize(payload, nc);
        coalesce(() => void msg.respond(payload), unsent(endpoint));
      } catch (err) {
        outcome = 'error';
        const problem = problemOf(err);
        if (problem.status >= 500) {
          code = problem.code;
          onError?.(endpoint, err);
        }
        counted.errors++;
        // Without the detail, which may hold a value of the caller.
        counted.lastError = `${problem.status} ${problem.code}`;
        const payload = problemPayload(problem, nc);
        coalesce(() => void msg.respondError(problem.status, problem.title, payload), unsent(endpoint));
      }
      span?.end(code);
      const took = performance.now() - started;
      counted.requests++;
      counted.ms += took;
      if (took >= LONG_MS) flushWrites();
      observe?.(endpoint, outcome, took / 1000);
    };
    service.addEndpoint(endpoint, {
      subject,
      metadata: { description: what, example: JSON.stringify(example) },
      handler: (err, msg) => {
        if (!err) void answer(msg);
      },
    });
  }
  const activate = (): void => {
    for (const [endpoint, served] of Object.entries(endpoints)) serve(endpoint, `${prefix}.${endpoint}`, served);
  };
  if (!standby) activate();
  if (instance !== undefined)
    for (const [endpoint, served] of Object.entries(endpoints))
      if (served.ofInstance === true) serve(endpoint, `${prefix}.${endpoint}.${instance}`, served);
  // The server reports a refused subscription before it answers.
  await nc.flush();
  if (service.isStopped) throw listeningRefused(await service.stopped, nc);
  let stopping = false;
  void service.stopped.then((err) => {
    if (!stopping && err) onEnded?.(listeningRefused(err, nc));
  });
  return {
    activate,
    stop: () => {
      stopping = true;
      return service.stop();
    },
  };
}

const listeningRefused = (cause: unknown, nc: NatsConnection): ListeningRefusedError =>
  new ListeningRefusedError(`The nats-server does not let this service listen for requests: ${messageOf(cause)}.`, {
    next: 'grant the identity of the service the subscriptions freshet.> and $SRV.>',
    details: { server: nc.getServer() },
    cause,
  });

/** Bytes that nats-server counts for the headers of an answer with an error, beside the payload. */
const HEADER_BYTES = 1_024;
const DETAIL_SHOWN = 1_000;

/** A problem as JSON; without its values if they are too large for one message, such as a value that the caller sent. */
function problemPayload(problem: Problem, nc: NatsConnection): Buffer {
  const payload = Buffer.from(JSON.stringify(problem));
  if (payload.length + HEADER_BYTES <= maxPayload(nc)) return payload;
  const { type, title, status, code, detail, next, member } = problem;
  return Buffer.from(
    JSON.stringify({
      type,
      title,
      status,
      code,
      detail: detail.slice(0, DETAIL_SHOWN),
      ...(next === undefined ? {} : { next: next.slice(0, DETAIL_SHOWN) }),
      ...(typeof member === 'string' ? { member: member.slice(0, DETAIL_SHOWN) } : {}),
    }),
  );
}

const maxPayload = (nc: NatsConnection): number => nc.info?.max_payload ?? Number.POSITIVE_INFINITY;

/** Throws `AnswerTooLargeError`. The NATS client would throw as well, but its message does not say what to do. */
function checkSize(payload: Uint8Array, nc: NatsConnection): void {
  const limit = maxPayload(nc);
  if (payload.length <= limit) return;
  throw new AnswerTooLargeError(
    `The answer has ${payload.length} bytes. nats-server takes at most ${limit} per message (max_payload).`,
    {
      next: 'request fewer with n, and the rest with the cursor',
      details: { bytes: payload.length, limit },
    },
  );
}

function parseRequest(msg: Msg): Json {
  if (msg.data.length === 0) return {};
  let value: unknown;
  try {
    value = msg.json();
  } catch (cause) {
    throw new BadRequestError('The request is not JSON.', { next: `nats req ${msg.subject} '{}'`, cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadRequestError('The request is not a JSON object.', { next: `nats req ${msg.subject} '{}'` });
  if (isDeeper(value, MAX_NESTING))
    throw new BadRequestError(`The request is nested deeper than ${MAX_NESTING} levels.`, {
      next: 'send a flatter request',
    });
  return value as Json;
}

/** Levels of a request; deeper ones would exhaust the stack of what checks and compares them. */
const MAX_NESTING = 256;

/** Whether a JSON value is nested deeper than so many levels. Needs no stack of its own. */
function isDeeper(value: object, levels: number): boolean {
  let row: object[] = [value];
  for (let level = 1; row.length > 0; level++) {
    if (level > levels) return true;
    row = row.flatMap((one) => Object.values(one).filter((inner) => typeof inner === 'object' && inner !== null));
  }
  return false;
}

export interface CallOptions {
  /** Milliseconds that the service has to answer; left out: the limit that {@link limitAnswers} set for the connection. */
  timeoutMs?: number;
  /** The trace that the request belongs to. */
  trace?: Trace | undefined;
}

const ANSWER_MS = 10_000;
const limits = new WeakMap<NatsConnection, number>();

/** Sets the milliseconds that services have to answer requests over this connection. */
export const limitAnswers = (nc: NatsConnection, ms: number): void => void limits.set(nc, ms);

/** Requests an answer from a service. Throws `RemoteProblemError` with its answer, or `ServiceUnavailableError`. */
export const call = async <T>(nc: NatsConnection, subject: string, request: Json, options?: CallOptions): Promise<T> =>
  (await answerTo(nc, subject, request, options)).json<T>();

/** As {@link call}, but returns the bytes of the answer, JSON in UTF-8, for a caller that forwards them. */
export const callForBytes = async (
  nc: NatsConnection,
  subject: string,
  request: Json,
  options?: CallOptions,
): Promise<Uint8Array> => (await answerTo(nc, subject, request, options)).data;

async function answerTo(
  nc: NatsConnection,
  subject: string,
  request: Json,
  { timeoutMs = limits.get(nc) ?? ANSWER_MS, trace }: CallOptions = {},
): Promise<Msg> {
  const answer = await send(nc, subject, JSON.stringify(request), { timeoutMs, trace });
  const code = answer.headers?.get('Nats-Service-Error-Code');
  if (code) throw new RemoteProblemError(answer.json<Problem>());
  return answer;
}

async function send(
  nc: NatsConnection,
  subject: string,
  payload: string,
  { timeoutMs, trace }: { timeoutMs: number; trace: Trace | undefined },
): Promise<Msg> {
  const options = { timeout: timeoutMs, ...(trace ? { headers: headersOf({ ...trace }) } : {}) };
  try {
    return await new Promise((resolve, reject) => {
      coalesce(() => void nc.request(subject, payload, options).then(resolve, reject), reject);
    });
  } catch (cause) {
    if (!(cause instanceof NatsError)) throw cause;
    const silent = cause.code === ErrorCode.Timeout;
    throw new ServiceUnavailableError(
      silent ? `${subject} did not answer within ${timeoutMs} ms.` : `No service answers on ${subject}.`,
      { next: 'freshet status', details: { subject }, cause },
    );
  }
}
