/**
 * Traces: which spans a process makes, and where it sends them. The port is ours; OpenTelemetry's SDK collects and sends,
 * and a process loads it only if traces are on. Without traces the port is `undefined`.
 */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../../config/schema.ts';
import type { Trace } from './trace-context.ts';

/** What a span does, as OpenTelemetry's span kind. */
export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

/** Numbers, codes and names from the code. No id of a user or item, no path, no text of a caller. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  kind?: SpanKind;
  attributes?: SpanAttributes;
  /** When it began, milliseconds since 1970; left out: now. */
  startedAt?: number;
  /** Other traces that this span belongs to as well. */
  links?: readonly Trace[];
}

export interface Span {
  /** This span as the parent of others. */
  readonly trace: Trace;
  set(attributes: SpanAttributes): void;
  /** Marks a moment in the span. */
  mark(name: string): void;
  /** Ends the span; a second end does nothing. `error`: the code of what went wrong. */
  end(error?: string): void;
}

export interface Tracing {
  /** A span below a trace that is sampled; undefined without such a trace. */
  follow(name: string, parent: Trace | undefined, options?: SpanOptions): Span | undefined;
  /**
   * The first span of Freshet in a trace: below the caller's trace if there is one, whose flag decides, otherwise at the
   * beginning of a new trace for a share of the calls. Undefined: not sampled.
   */
  begin(name: string, caller: Trace | undefined, options?: SpanOptions): Span | undefined;
  /** Whether an event that the log stored at this time, milliseconds since 1970, is young enough for spans of its fold. */
  isRecent(timestamp: number): boolean;
  /** Sends the spans that are left, within `tracing.stop_ms`. Never throws. */
  close(): Promise<void>;
}

export interface TracingOptions {
  config: Config;
  /** Names of the service and of its instance, for the resource of all spans. */
  service: string;
  instance: string;
  logger: Logger;
  registry: Registry;
}

/** Undefined if traces are off (`tracing.otlp_url`). */
export async function openTracing(options: TracingOptions): Promise<Tracing | undefined> {
  if (options.config.tracing.otlp_url === '') return undefined;
  const { createOtlpTracing } = await import('./otlp.ts');
  return createOtlpTracing(options);
}

/** Milliseconds since 1970, with fractions. */
export const nowMs = (): number => performance.timeOrigin + performance.now();
