/** Trace ids (W3C Trace Context) of a request, handed on into its events (CloudEvents, distributed tracing extension). */
import type { IncomingHttpHeaders } from 'node:http';

export interface Trace {
  traceparent: string;
  tracestate?: string;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/** The trace that a request belongs to; undefined where it names none, or in another form. */
export function traceOf({ traceparent, tracestate }: IncomingHttpHeaders): Trace | undefined {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return typeof tracestate === 'string' && TRACESTATE.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** The event with the trace; what the event says itself stands. */
export function withTrace(event: unknown, trace: Trace | undefined): unknown {
  if (trace === undefined || typeof event !== 'object' || event === null || Array.isArray(event)) return event;
  return 'traceparent' in event ? event : { ...event, ...trace };
}
