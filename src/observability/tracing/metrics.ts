/** Metrics of traces. */
import { Counter, type Registry } from 'prom-client';

/** Counts the spans of exports, by outcome. */
export function observeSpans(registry: Registry): (outcome: 'exported' | 'failed', spans: number) => void {
  const counter = new Counter({
    name: 'freshet_trace_spans_total',
    help: 'Spans of traces, by whether the receiver took them',
    labelNames: ['outcome'],
    registers: [registry],
  });
  return (outcome, spans) => counter.inc({ outcome }, spans);
}
