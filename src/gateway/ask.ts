/** Asking a service what a request asks for. */
import type { FastifyReply } from 'fastify';
import { call, callForBytes, type Json } from '../bus/nats/micro.ts';
import type { GatewayContext } from './context.ts';

interface Waits {
  min_seq?: number;
  timeout_ms?: number;
}

/** What Fastify says of an object. */
const JSON_MEDIA = 'application/json; charset=utf-8';

/** A request that waits for a sequence has its service's time on top of the wait. */
const limitOf = ({ http }: GatewayContext['config'], { min_seq, timeout_ms }: Waits) => ({
  timeoutMs: http.request_timeout_ms + (min_seq ? (timeout_ms ?? http.min_seq_timeout_ms) : 0),
});

/** Throws `RemoteProblemError` with the service's own answer, `ServiceUnavailableError`, `NatsUnreachableError`. */
export async function ask({ config, link }: GatewayContext, subject: string, request: Json & Waits): Promise<unknown> {
  return link.whileConnected(call(link.bus().nc, subject, request, limitOf(config, request)));
}

/** As {@link ask}, for an answer that goes to the caller as it came: it is neither read nor written again. */
export async function passOn(
  { config, link }: GatewayContext,
  subject: string,
  request: Json & Waits,
  reply: FastifyReply,
): Promise<Buffer> {
  const { buffer, byteOffset, length } = await link.whileConnected(
    callForBytes(link.bus().nc, subject, request, limitOf(config, request)),
  );
  reply.header('content-type', JSON_MEDIA);
  return Buffer.from(buffer, byteOffset, length);
}
