/** Traces by OpenTelemetry's SDK, sent by OTLP over HTTP. */
import {
  type Context,
  createTraceState,
  type Span as OtelSpan,
  SpanKind as OtelSpanKind,
  ROOT_CONTEXT,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
  trace as traceApi,
} from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import { messageOf } from '../../errors.ts';
import { VERSION } from '../../version.ts';
import { observeSpans } from './metrics.ts';
import { isSampled, type Trace } from './trace-context.ts';
import { nowMs, type Span, type SpanKind, type SpanOptions, type Tracing, type TracingOptions } from './tracing.ts';

const KINDS: Record<SpanKind, OtelSpanKind> = {
  internal: OtelSpanKind.INTERNAL,
  server: OtelSpanKind.SERVER,
  client: OtelSpanKind.CLIENT,
  producer: OtelSpanKind.PRODUCER,
  consumer: OtelSpanKind.CONSUMER,
};

export async function createOtlpTracing(options: TracingOptions): Promise<Tracing> {
  const { config, service, instance } = options;
  const { tracing } = config;
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.namespace': 'freshet',
      'service.name': `freshet-${service}`,
      'service.instance.id': instance,
      'service.version': VERSION,
    }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: counted(await createExporter(tracing), options),
        scheduledDelayMillis: tracing.interval_ms,
        exportTimeoutMillis: tracing.timeout_ms,
        maxQueueSize: tracing.queue_max,
        maxExportBatchSize: Math.min(tracing.batch_max, tracing.queue_max),
      }),
    ],
  });
  const tracer = provider.getTracer('freshet', VERSION);

  function start(
    name: string,
    context: Context,
    { kind = 'internal', attributes, startedAt = nowMs(), links }: SpanOptions,
  ): Span {
    const span = tracer.startSpan(
      name,
      {
        kind: KINDS[kind],
        ...(attributes ? { attributes } : {}),
        startTime: startedAt,
        ...(links ? { links: links.map((link) => ({ context: spanContextOf(link) })) } : {}),
      },
      context,
    );
    return spanOf(span);
  }

  const follow: Tracing['follow'] = (name, parent, span = {}) =>
    parent && isSampled(parent) ? start(name, below(parent), span) : undefined;

  return {
    follow,
    // The port decides, because an unsampled span of the SDK costs a part of a sampled one.
    begin: (name, caller, span = {}) => {
      if (caller) return follow(name, caller, span);
      return Math.random() < tracing.share ? start(name, ROOT_CONTEXT, span) : undefined;
    },
    isRecent: (timestamp) => Date.now() - timestamp <= tracing.recent_ms,
    close: () => Promise.race([provider.shutdown().catch(() => undefined), passed(tracing.stop_ms)]),
  };
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref());

const below = (parent: Trace): Context => traceApi.setSpanContext(ROOT_CONTEXT, spanContextOf(parent));

function spanContextOf({ traceparent, tracestate }: Trace): SpanContext {
  const [, traceId = '', spanId = ''] = traceparent.split('-');
  return {
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  };
}

function spanOf(span: OtelSpan): Span {
  const { traceId, spanId, traceState } = span.spanContext();
  const tracestate = traceState?.serialize();
  let ended = false;
  return {
    trace: { traceparent: `00-${traceId}-${spanId}-01`, ...(tracestate ? { tracestate } : {}) },
    set: (attributes) => void span.setAttributes(attributes),
    mark: (name) => void span.addEvent(name, nowMs()),
    end: (error) => {
      if (ended) return;
      ended = true;
      if (error !== undefined) span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR });
      // Without the time the SDK ends a span by whole milliseconds, which may lie before its beginning.
      span.end(nowMs());
    },
  };
}

async function createExporter({ otlp_url: url, otlp_protocol, timeout_ms }: Config['tracing']): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    otlp_protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter({ url, timeoutMillis: timeout_ms });
}

/** Counts the spans that reached the receiver, and says once in the log when none do, and when they do again. */
function counted(exporter: SpanExporter, { registry, logger, config }: TracingOptions): SpanExporter {
  const count = observeSpans(registry);
  const report = createReport(logger, config);
  return {
    export: (batch, done) =>
      exporter.export(batch, (result) => {
        const sent = result.code === 0;
        count(sent ? 'exported' : 'failed', batch.length);
        report(sent ? undefined : (result.error ?? new Error('unknown')));
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush ? { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() } : {}),
  };
}

function createReport(logger: Logger, { tracing }: Config): (err: Error | undefined) => void {
  let failing = false;
  return (err) => {
    if (err && !failing)
      logger.warn(
        { reason: messageOf(err), receiver: new URL(tracing.otlp_url).origin },
        'The receiver of traces does not take spans. Check tracing.otlp_url, and that the receiver runs; these spans are lost.',
      );
    if (!err && failing) logger.info('The receiver of traces takes spans again.');
    failing = err !== undefined;
  };
}
