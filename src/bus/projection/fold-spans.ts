/** Spans of the fold: one for each traced event of a transaction, from the beginning of the transaction to its commit. */
import { sampledTraceOf, type Trace } from '../../observability/tracing/trace-context.ts';
import type { Tracing } from '../../observability/tracing/tracing.ts';
import type { StoredMessage } from '../event/codec.ts';
import type { BatchResult } from './store.ts';

/** Traces by position in the log. */
export type Traces = ReadonlyMap<number, Trace>;

export interface Commit {
  batch: readonly StoredMessage[];
  result: BatchResult;
  /** When the transaction began, milliseconds since 1970. */
  startedAt: number;
}

/** Makes the spans of a transaction that has just been committed. Returns those of the events that changed rows. */
export function recordFold(tracing: Tracing, { batch, result, startedAt }: Commit): Traces {
  const traces = new Map<number, Trace>();
  const traced = batch.flatMap(({ seq, payload, timestamp }) => {
    const parent = tracing.isRecent(timestamp) ? sampledTraceOf(payload) : undefined;
    return parent ? [{ seq, parent }] : [];
  });
  if (traced.length === 0) return traces;
  const types = new Map<number, string>(result.applied.map(({ seq, type }) => [seq, type]));
  const dead = new Map<number, string>(result.deadLetters.map(({ seq, code }) => [seq, code]));
  for (const { seq, parent } of traced) {
    const type = types.get(seq);
    const code = dead.get(seq);
    const span = tracing.follow('fold', parent, {
      kind: 'consumer',
      startedAt,
      attributes: {
        'messaging.system': 'nats',
        'messaging.operation.type': 'process',
        'freshet.seq': seq,
        'freshet.batch_events': batch.length,
        'freshet.outcome': type !== undefined ? 'applied' : code !== undefined ? 'dead-letter' : 'skipped',
        ...(type === undefined ? {} : { 'freshet.event_type': type }),
      },
    });
    span?.end(code);
    if (span && type !== undefined) traces.set(seq, span.trace);
  }
  return traces;
}
