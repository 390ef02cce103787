/** Trace ids as requests, messages and events carry them: W3C Trace Context, and its extension of CloudEvents. */

/** A position in a trace, as its two headers, or as the extension attributes of an event. */
export interface Trace {
  traceparent: string;
  tracestate?: string;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;
const SAMPLED = 1;

/** The trace that the headers of a request or the members of an event name; undefined without one, or in another form. */
export function traceOf({ traceparent, tracestate }: Readonly<Record<string, unknown>>): Trace | undefined {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return typeof tracestate === 'string' && TRACESTATE.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** The event with the trace. An event that names a trace keeps its own. */
export function withTrace(event: unknown, trace: Trace | undefined): unknown {
  if (trace === undefined || typeof event !== 'object' || event === null || Array.isArray(event)) return event;
  return 'traceparent' in event ? event : { ...event, ...trace };
}

/** Whether the flags of a trace say that its spans are recorded. */
export const isSampled = ({ traceparent }: Trace): boolean =>
  (Number.parseInt(traceparent.slice(-2), 16) & SAMPLED) === SAMPLED;

const MEMBER = '"traceparent"';

/** The sampled trace that an event in JSON names; undefined without one. Parses only payloads that have the member. */
export function sampledTraceOf(payload: Uint8Array): Trace | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (!bytes.includes(MEMBER)) return undefined;
  let event: unknown;
  try {
    event = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  const trace = typeof event === 'object' && event !== null ? traceOf(event as Record<string, unknown>) : undefined;
  return trace && isSampled(trace) ? trace : undefined;
}
