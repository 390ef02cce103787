/** Requests from the gateway to the services. */
import type { FastifyReply } from 'fastify';
import { type CallOptions, call, callForBytes, type Json } from '../bus/nats/micro.ts';
import type { GatewayContext } from './context.ts';

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

/** Throws `RemoteProblemError` with the service's own answer, `ServiceUnavailableError`, `NatsUnreachableError`. */
export async function requestService(
  { config, link, metrics }: GatewayContext,
  subject: string,
  request: Json & Waits,
  limit?: CallOptions,
): Promise<unknown> {
  const answer = await link.whileConnected(call(link.bus().nc, subject, request, limitOf(config, request, limit)));
  if (LISTS.has(subject)) metrics.list();
  return answer;
}

/** As {@link requestService}, but returns the bytes of the answer, so that the gateway neither parses nor writes them. */
export async function forwardAnswer(
  { config, link, metrics }: GatewayContext,
  subject: string,
  request: Json & Waits,
  reply: FastifyReply,
): Promise<Buffer> {
  const { buffer, byteOffset, length } = await link.whileConnected(
    callForBytes(link.bus().nc, subject, request, limitOf(config, request)),
  );
  if (LISTS.has(subject)) metrics.list();
  reply.header('content-type', JSON_MEDIA);
  return Buffer.from(buffer, byteOffset, length);
}
