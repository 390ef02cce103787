/** Asking a service what a request asks for. */
import { call, type Json } from '../bus/micro.ts';
import type { GatewayContext } from './context.ts';

interface Waits {
  min_seq?: number;
  timeout_ms?: number;
}

/** Throws `RemoteProblemError` with the service's own answer, `ServiceUnavailableError`, `NatsUnreachableError`. */
export async function ask(
  { config: { http }, link }: GatewayContext,
  subject: string,
  request: Json & Waits,
): Promise<unknown> {
  // A request that waits for a sequence has its service's time on top of the wait.
  const wait = request.min_seq ? (request.timeout_ms ?? http.min_seq_timeout_ms) : 0;
  return link.whileConnected(call(link.bus().nc, subject, request, { timeoutMs: http.request_timeout_ms + wait }));
}
