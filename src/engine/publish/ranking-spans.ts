/** Spans of rankings on their way to KV, from the first event that moved one to the acknowledgement of its put. */
import type { Trace } from '../../observability/tracing/trace-context.ts';
import { nowMs, type Span, type Tracing } from '../../observability/tracing/tracing.ts';

/** Most earlier events that a span links to. */
const LINKS = 16;

interface Waiting {
  /** Of the events that moved the ranking, oldest first. */
  traces: Trace[];
  since: number;
}

export interface RankingSpans {
  /** A traced event moved the ranking of this user. */
  moved(user: string, trace: Trace): void;
  /** The ranking is about to be computed: its span below the newest event; undefined if no event was traced. */
  begin(user: string): Span | undefined;
  forget(user: string): void;
  clear(): void;
}

export function createRankingSpans(tracing: Tracing | undefined): RankingSpans {
  const waiting = new Map<string, Waiting>();
  return {
    moved: (user, trace) => {
      const known = waiting.get(user);
      if (known === undefined) {
        waiting.set(user, { traces: [trace], since: nowMs() });
        return;
      }
      known.traces.push(trace);
      if (known.traces.length > LINKS + 1) known.traces.shift();
    },
    begin: (user) => {
      const known = waiting.get(user);
      if (known === undefined) return undefined;
      waiting.delete(user);
      const links = known.traces.slice(0, -1);
      return tracing?.follow('rank', known.traces.at(-1), { startedAt: known.since, links });
    },
    forget: (user) => void waiting.delete(user),
    clear: () => waiting.clear(),
  };
}
