/** The spans of HTTP requests, and the trace that requests to services go on with. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Trace, traceOf } from '../observability/tracing/trace-context.ts';
import type { Span, Tracing } from '../observability/tracing/tracing.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined if the request is not traced. */
    span: Span | undefined;
  }
}

const handled = new AsyncLocalStorage<Span>();

/** The trace of the request that the gateway is handling; undefined if it is not traced. */
export const currentTrace = (): Trace | undefined => handled.getStore()?.trace;

/** What events of a request belong to: its span, or the caller's trace as it is. */
export const traceOfRequest = ({ span, headers }: Pick<FastifyRequest, 'span' | 'headers'>): Trace | undefined =>
  span?.trace ?? traceOf(headers);

/** Makes a span for each request below `/v1/`, from its arrival to its answer. Other paths are pages and checks of health. */
export function traceRequests(app: FastifyInstance, tracing: Tracing | undefined): void {
  app.decorateRequest('span', undefined);
  if (tracing === undefined) return;
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, headers } = request;
    const route = request.routeOptions.url;
    if (route?.startsWith('/v1/'))
      request.span = tracing.begin(`${method} ${route}`, traceOf(headers), {
        kind: 'server',
        attributes: { 'http.request.method': method, 'http.route': route },
      });
    done();
  });
  // The last hook before the handler: reading the body ends what began before it.
  app.addHook('preHandler', ({ span }, _reply, done) => {
    if (span) handled.run(span, done);
    else done();
  });
  app.addHook('onResponse', (request, { statusCode }, done) => {
    endRequest(request, statusCode);
    done();
  });
  app.addHook('onRequestAbort', (request, done) => {
    request.span?.end('aborted');
    done();
  });
}

/** Ends the span of a request. A request that opens a stream is answered when the stream begins. */
export function endRequest({ span }: FastifyRequest, status: number): void {
  span?.set({ 'http.response.status_code': status });
  span?.end(status >= 500 ? String(status) : undefined);
}
