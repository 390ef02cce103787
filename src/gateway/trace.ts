/** Copies the trace ids of a request (W3C Trace Context) to its events (CloudEvents, distributed tracing extension). */
import type { IncomingHttpHeaders } from 'node:http';

export interface Trace {
  traceparent: string;
  tracestate?: string;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/** The trace that a request names; undefined if it names none, or in another form. */
export function traceOf({ traceparent, tracestate }: IncomingHttpHeaders): Trace | undefined {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return typeof tracestate === 'string' && TRACESTATE.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** The event with the trace. An event that names a trace keeps its own. */
export function withTrace(event: unknown, trace: Trace | undefined): unknown {
  if (trace === undefined || typeof event !== 'object' || event === null || Array.isArray(event)) return event;
  return 'traceparent' in event ? event : { ...event, ...trace };
}
