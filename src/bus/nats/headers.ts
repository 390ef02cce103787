/** Headers of messages. */
import { type MsgHdrs, headers as natsHeaders } from 'nats';
import { type Trace, traceOf } from '../../observability/tracing/trace-context.ts';

export function headersOf(values: Readonly<Record<string, string>>): MsgHdrs {
  const headers = natsHeaders();
  for (const [name, value] of Object.entries(values)) headers.set(name, value);
  return headers;
}

/** The trace that the headers of a message name; undefined without one. */
export const traceOfHeaders = (headers: MsgHdrs | undefined): Trace | undefined =>
  headers && traceOf({ traceparent: headers.get('traceparent'), tracestate: headers.get('tracestate') });
