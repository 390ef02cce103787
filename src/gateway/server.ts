/** The HTTP server: routes, checks, errors as problems, logging and counting of requests. */
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
import { guard } from './access/hook.ts';
import { createRate } from './access/rate.ts';
import type { GatewayContext } from './context.ts';
import { allowOrigins } from './cors.ts';
import { trackMethods } from './methods.ts';
import { openApiRoute, registerOpenApi } from './openapi.ts';
import { httpProblem, PROBLEM_MEDIA, sendProblem } from './problems.ts';
import { eventRoutes } from './routes/events.ts';
import { feedbackRoutes } from './routes/feedback.ts';
import { itemRoutes } from './routes/items.ts';
import { operationRoutes, QUIET_ROUTES } from './routes/operations.ts';
import { recommendationRoutes } from './routes/recommendations.ts';
import { streamRoutes } from './routes/stream.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { userRoutes } from './routes/users.ts';
import { compileValidator } from './validation.ts';

/** Request ids that are taken over from a caller: nothing that breaks a log line or a header. */
const REQUEST_ID = /^[A-Za-z0-9._:/+=@-]{1,128}$/;
/** Statuses of requests that were turned away at the door. */
const TURNED_AWAY: ReadonlySet<number> = new Set([401, 403, 429]);
/** Milliseconds that an idle connection stays; more than proxies in front of it use (60 s), so that they close first. */
const KEEP_ALIVE_MS = 72_000;

export async function createServer(context: GatewayContext): Promise<FastifyInstance> {
  const { config, metrics, logger } = context;
  const limits = { bodyBytes: config.http.body_bytes };

  const app = fastify({
    // Ids stand in addresses: they stay out of the log, whoever writes it.
    loggerInstance: logger.child({}, { serializers: { req: requestForLog } }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.http.body_bytes,
    requestTimeout: config.http.arrival_ms,
    // Slow ones are looked for a few times within what they have.
    http: {
      headersTimeout: config.http.arrival_ms,
      connectionsCheckingInterval: Math.min(30_000, Math.ceil(config.http.arrival_ms / 4)),
    },
    keepAliveTimeout: KEEP_ALIVE_MS,
    // An id of 128 bytes has 384 characters when it is percent-encoded; services say what is too long.
    routerOptions: { maxParamLength: 16_384 },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    // Whoever has a connection is served until the gateway is gone.
    return503OnClosing: false,
    frameworkErrors: (err, request, reply) => void fail(err, request, reply as FastifyReply),
    clientErrorHandler: answerGarbage,
  });

  function fail(err: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const problem = httpProblem(err, limits);
    if (TURNED_AWAY.has(problem.status)) metrics.refused(problem.code);
    if (problem.status === 500)
      request.log.error({ err, route: routeOf(request), method: request.method }, 'a request failed');
    return sendProblem(reply, problem);
  }

  app.setErrorHandler(fail);
  app.setNotFoundHandler((request, reply) => fail({ code: 'FST_ERR_NOT_FOUND' }, request, reply));
  app.setValidatorCompiler(compileValidator);
  // Answers are what services say: nothing of it is dropped for not being in a schema.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.removeContentTypeParser('text/plain');

  app.addHook('onRequest', async (request, reply) => {
    metrics.inFlight.inc();
    // Also where the caller goes away before the answer.
    reply.raw.once('close', () => metrics.inFlight.dec());
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    if (request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store');
  });
  await allowOrigins(app, config.http.cors_origins);
  guard(app, context.gate, createRate({ perS: config.http.rate_per_s, burstS: config.http.rate_burst_s }));
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  // A connection that stays open after its answer would hold the end up.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = routeOf(request);
    const { statusCode: status } = reply;
    // How long somebody watched says nothing about how long an answer takes.
    if (route.endsWith('/stream') && status < 400) return;
    metrics.request(request.method, route, status, reply.elapsedTime / 1000);
    if (QUIET_ROUTES.has(route)) return;
    const line = { method: request.method, route, status, seconds: Math.round(reply.elapsedTime) / 1000 };
    if (status >= 500) request.log.warn(line, 'answered');
    else if (status >= 400) request.log.info(line, 'answered');
    else request.log.debug(line, 'answered');
  });

  await registerOpenApi(app);
  const closeMethods = trackMethods(app);
  await eventRoutes(app, context);
  recommendationRoutes(app, context);
  streamRoutes(app, context);
  tokenRoutes(app, context);
  userRoutes(app, context);
  itemRoutes(app, context);
  feedbackRoutes(app, context);
  operationRoutes(app, context);
  openApiRoute(app);
  closeMethods();
  await app.ready();
  return app;
}

/** The pattern of the route, for logs and labels; addresses hold ids. */
function routeOf({ routeOptions }: FastifyRequest): string {
  // The pattern under which preflights of unknown addresses come.
  return routeOptions.url === undefined || routeOptions.url === '*' ? 'unknown' : routeOptions.url;
}

const requestForLog = (request: FastifyRequest): object => ({
  method: request.method,
  route: request.routeOptions?.url ?? 'unknown',
});

/** What isn't HTTP at all, or has too large a head. */
function answerGarbage(err: Error & { code?: string }, socket: Socket): void {
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
        ? 'The head of the request is too large.'
        : status === 408
          ? 'The request took too long to arrive.'
          : 'This is not an HTTP request.',
  };
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_MEDIA}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
