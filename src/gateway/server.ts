/** The HTTP server: it composes routes, checks, problem details, request logs and request metrics. */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import type { Problem } from '../bus/nats/problem.ts';
import { createRate } from './access/rate.ts';
import { requireAccess } from './access/require-access.ts';
import type { GatewayContext } from './context.ts';
import { allowOrigins } from './cors.ts';
import { registerDocsPage } from './docs-page.ts';
import { trackMethods } from './methods.ts';
import { openApiRoute, registerOpenApi } from './openapi.ts';
import { httpProblem, PROBLEM_MEDIA, sendProblem } from './problems.ts';
import { callerRoute } from './routes/caller.ts';
import { consoleRoutes } from './routes/console.ts';
import { deadLetterRoutes } from './routes/dead-letters.ts';
import { eventRoutes } from './routes/events.ts';
import { experimentRoutes } from './routes/experiments.ts';
import { feedbackRoutes } from './routes/feedback.ts';
import { homeRoute } from './routes/home.ts';
import { itemRoutes } from './routes/items.ts';
import { logRoutes } from './routes/log.ts';
import { operationRoutes, QUIET_ROUTES } from './routes/operations.ts';
import { pastRoutes } from './routes/past.ts';
import { recommendationRoutes } from './routes/recommendations.ts';
import { streamRoutes } from './routes/stream.ts';
import { systemRoutes } from './routes/system.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { userRoutes } from './routes/users.ts';
import { traceRequests } from './traced-requests.ts';
import { compileValidator } from './validation.ts';

/** Request ids that the gateway accepts from a caller: none that breaks a log line or a header. */
const REQUEST_ID = /^[A-Za-z0-9._:/+=@-]{1,128}$/;
/** Statuses of requests that the access hook refuses. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 429]);
/** Routes whose answers are server-sent events. */
const STREAMS = /\/(stream|at)$/;
/** Milliseconds that an idle connection stays open; longer than the 60 s of usual proxies, so that the proxy closes it first. */
const KEEP_ALIVE_MS = 72_000;

export async function createServer(context: GatewayContext): Promise<FastifyInstance> {
  const { config, metrics, logger } = context;
  const limits = { bodyBytes: config.http.body_bytes };

  const app = fastify({
    // Paths contain ids of users; no log line may contain the path.
    loggerInstance: logger.child({}, { serializers: { req: requestForLog } }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.http.body_bytes,
    trustProxy: config.http.trust_proxy.length > 0 ? config.http.trust_proxy : false,
    requestTimeout: config.http.arrival_ms,
    // Node checks for slow requests at this interval: a few times within their limit.
    http: {
      headersTimeout: config.http.arrival_ms,
      connectionsCheckingInterval: Math.min(30_000, Math.ceil(config.http.arrival_ms / 4)),
    },
    keepAliveTimeout: KEEP_ALIVE_MS,
    // An id of 128 bytes has 384 characters when it is percent-encoded; services refuse longer ids.
    routerOptions: { maxParamLength: 16_384 },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    // Open connections get answers until the gateway has stopped.
    return503OnClosing: false,
    frameworkErrors: (err, request, reply) => void fail(err, request, reply as FastifyReply),
    clientErrorHandler: answerMalformed,
  });

  function fail(err: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const problem = httpProblem(err, limits);
    if (REFUSALS.has(problem.status)) metrics.refused(problem.code);
    if (problem.status === 500)
      request.log.error(
        { err, route: routeOf(request), method: request.method },
        'The gateway could not answer a request.',
      );
    return sendProblem(reply, problem);
  }

  app.setErrorHandler(fail);
  app.setNotFoundHandler((request, reply) => fail({ code: 'FST_ERR_NOT_FOUND' }, request, reply));
  app.setValidatorCompiler(compileValidator);
  // The gateway forwards answers of services whole, with members that are not in a schema.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.removeContentTypeParser('text/plain');

  app.addHook('onRequest', async (request, reply) => {
    metrics.inFlight.inc();
    // Also if the caller disconnects before the answer.
    reply.raw.once('close', () => metrics.inFlight.dec());
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    if (request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store');
  });
  traceRequests(app, context.tracing);
  await allowOrigins(app, config.http.cors_origins);
  const rate = createRate({ perS: config.http.rate_per_s, burstS: config.http.rate_burst_s });
  requireAccess(app, context.authenticator, rate);
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  // A connection that stays open after its answer would delay the stop.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = routeOf(request);
    const { statusCode: status } = reply;
    // The time that a caller watched is not the time of an answer.
    if (STREAMS.test(route) && status < 400) return;
    metrics.request(request.method, route, status, reply.elapsedTime / 1000);
    if (QUIET_ROUTES.has(route)) return;
    const line = { method: request.method, route, status, seconds: Math.round(reply.elapsedTime) / 1000 };
    if (status >= 500) request.log.warn(line, 'answered');
    else if (status >= 400) request.log.info(line, 'answered');
    else request.log.debug(line, 'answered');
  });

  await registerOpenApi(app);
  await registerDocsPage(app);
  const closeMethods = trackMethods(app);
  await eventRoutes(app, context);
  recommendationRoutes(app, context);
  streamRoutes(app, context);
  tokenRoutes(app, context);
  userRoutes(app, context);
  itemRoutes(app, context);
  feedbackRoutes(app, context);
  operationRoutes(app, context);
  callerRoute(app);
  systemRoutes(app, context);
  logRoutes(app, context);
  deadLetterRoutes(app, context);
  experimentRoutes(app, context);
  pastRoutes(app, context);
  homeRoute(app);
  consoleRoutes(app);
  openApiRoute(app);
  closeMethods();
  await app.ready();
  return app;
}

/** The pattern of the route, for logs and labels; the path contains ids. */
function routeOf({ routeOptions }: FastifyRequest): string {
  // '*' is the pattern of preflights for unknown paths.
  return routeOptions.url === undefined || routeOptions.url === '*' ? 'unknown' : routeOptions.url;
}

const requestForLog = (request: FastifyRequest): object => ({
  method: request.method,
  route: request.routeOptions?.url ?? 'unknown',
});

/** Answers bytes that are not HTTP, a head that is too large, and a request that arrives too slowly. */
function answerMalformed(err: Error & { code?: string }, socket: Socket): void {
  if (err.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = err.code === 'HPE_HEADER_OVERFLOW' ? 431 : err.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const problem: Problem = {
    type: 'urn:freshet:problem:bad-request',
    title: STATUS_CODES[status] ?? 'Bad request',
    status,
    code: 'FRESHET_BAD_REQUEST',
    detail:
      status === 431
        ? 'The head of the request is too large. Send fewer or shorter headers.'
        : status === 408
          ? 'The request did not arrive within the time limit (http.arrival_ms).'
          : 'The bytes are not an HTTP/1.1 request.',
  };
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_MEDIA}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
