/** Requests from the gateway to the services. */
import type { FastifyReply } from 'fastify';
import { type CallOptions, call, callForBytes, type Json } from '../bus/nats/micro.ts';
import type { Span } from '../observability/tracing/tracing.ts';
import type { GatewayContext } from './context.ts';
import { currentTrace } from './traced-requests.ts';

export interface Waits {
  min_seq?: number;
  timeout_ms?: number;
}

/** The media type that Fastify gives an object. */
const JSON_MEDIA = 'application/json; charset=utf-8';

/** The time limit of a request: that of every request or its own, plus the wait for `min_seq`. */
const limitOf = (
  { http }: GatewayContext['config'],
  { min_seq, timeout_ms }: Waits,
  { timeoutMs = http.request_timeout_ms }: CallOptions = {},
) => ({ timeoutMs: timeoutMs + (min_seq ? (timeout_ms ?? http.min_seq_timeout_ms) : 0) });

/** Subjects whose answers are lists. */
const LISTS: ReadonlySet<string> = new Set(
  ['recommend', 'similar', 'trending', 'shelves'].map((name) => `freshet.engine.${name}`),
);

/** Calls a service, in a span of the request that the gateway is handling if that is traced. */
async function traced<T>(
  { tracing }: GatewayContext,
  subject: string,
  callService: (trace: Pick<CallOptions, 'trace'>) => Promise<T>,
): Promise<T> {
  const span: Span | undefined = tracing?.follow(subject, currentTrace(), {
    kind: 'client',
    attributes: { 'messaging.system': 'nats', 'messaging.destination.name': subject },
  });
  if (span === undefined) return callService({});
  try {
    const answer = await callService({ trace: span.trace });
    span.end();
    return answer;
  } catch (err) {
    span.end((err as { code?: string }).code ?? 'FRESHET_INTERNAL');
    throw err;
  }
}

/** Throws `RemoteProblemError` with the service's own answer, `ServiceUnavailableError`, `NatsUnreachableError`. */
export async function requestService(
  context: GatewayContext,
  subject: string,
  request: Json & Waits,
  limit?: CallOptions,
): Promise<unknown> {
  const { config, link, metrics } = context;
  const answer = await traced(context, subject, (trace) =>
    link.whileConnected(call(link.bus().nc, subject, request, { ...limitOf(config, request, limit), ...trace })),
  );
  if (LISTS.has(subject)) metrics.list();
  return answer;
}

/** As {@link requestService}, but returns the bytes of the answer, so that the gateway neither parses nor writes them. */
export async function forwardAnswer(
  context: GatewayContext,
  subject: string,
  request: Json & Waits,
  reply: FastifyReply,
): Promise<Buffer> {
  const { config, link, metrics } = context;
  const { buffer, byteOffset, length } = await traced(context, subject, (trace) =>
    link.whileConnected(callForBytes(link.bus().nc, subject, request, { ...limitOf(config, request), ...trace })),
  );
  if (LISTS.has(subject)) metrics.list();
  reply.header('content-type', JSON_MEDIA);
  return Buffer.from(buffer, byteOffset, length);
}
