/** `/v1/users/{id}/recommendations/stream`: sends the list of a user, and again whenever it changes. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { messageOf, TooManyStreamsError } from '../../errors.ts';
import type { Span } from '../../observability/tracing/tracing.ts';
import { whileValid } from '../access/while-valid.ts';
import type { GatewayContext } from '../context.ts';
import { withFilter } from '../filter.ts';
import { type RankingView, viewOfPublished } from '../published-list.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { requestService } from '../service-request.ts';
import { openSse, type Sse } from '../sse.ts';
import { endRequest } from '../traced-requests.ts';

/** Milliseconds after which the gateway requests a list again after an error, and a reader connects again. */
const RETRY_MS = 1_000;

/** Id of a message: the log position, and a hash of the items, which shows whether the list has changed. */
const messageIdOf = ({ seq, items }: RankingView): string => `${seq}.${digest(items)}`;
const digest = (items: RankingView['items']): string =>
  createHash('sha256')
    .update(JSON.stringify(items.map(({ item }) => item)))
    .digest('base64url')
    .slice(0, 12);

const MESSAGE_ID = /^(\d{1,15})\.([\w-]{12})$/;

export function streamRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { schemas, config, watching, authenticator, metrics, logger, buffers, tracing } = context;
  const { http } = config;
  const open = new Set<Sse>();
  app.addHook('preClose', async () => {
    for (const sse of open) sse.end();
  });

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'stream'> }>(
    '/v1/users/:id/recommendations/stream',
    {
      config: { access: { scope: ['recommend'], token: 'user' } },
      schema: {
        tags: ['recommendations'],
        operationId: 'watchRecommendations',
        summary: 'A list for a user, and again whenever it changes',
        description:
          'Server-sent events: each `ranking` holds a list, as the request without a stream answers it. A reader that sends the last id that it received ' +
          '(`Last-Event-ID`) gets the list only if it has changed since. Lines that begin with a colon are heartbeats. Pages that cannot set headers ' +
          '(EventSource) send their token as `access_token`.',
        params: schemas.userPath,
        querystring: schemas.stream,
        response: answers('RankingStream', 'The list, then each one that differs from the one before', READ_PROBLEMS),
      },
    },
    async (request, reply) => {
      const { params, caller } = request;
      const { access_token: _token, ...rest } = request.query;
      const query = withFilter(rest);
      const user = params.id;
      if (watching.count() >= http.streams_max || watching.count(user) >= http.streams_per_user)
        throw new TooManyStreamsError(
          'Callers watch as many lists as the gateway allows (http.streams_max, http.streams_per_user).',
          {
            next: 'try again later, or request the list without a stream',
          },
        );
      const [, seen = '0', shown] = MESSAGE_ID.exec(String(request.headers['last-event-id'] ?? '')) ?? [];
      let reached = Math.max(Number(seen), query.min_seq ?? 0);
      let last = shown;
      let sse: Sse | undefined;
      /** Spans of changes that the reader has not got yet. */
      const pushes: Span[] = [];
      let ended = false;
      let busy = true;
      let again = false;
      let timer: NodeJS.Timeout | undefined;

      const list = (): Promise<RankingView> =>
        requestService(context, 'freshet.engine.recommend', {
          ...query,
          user,
          ...(reached > 0 ? { min_seq: reached } : {}),
        }) as Promise<RankingView>;

      function show(ranking: RankingView): void {
        reached = Math.max(reached, ranking.seq);
        const now = digest(ranking.items);
        const changed = now !== last;
        last = now;
        if (changed && sse?.send({ id: messageIdOf(ranking), event: 'ranking', data: ranking })) metrics.pushed();
        for (const span of pushes.splice(0)) {
          span.set({ 'freshet.changed': changed });
          span.end();
        }
      }

      // One request at a time; a change meanwhile causes one more.
      async function refresh(): Promise<void> {
        if (ended) return;
        if (busy) {
          again = true;
          return;
        }
        busy = true;
        again = false;
        let failed = false;
        try {
          show(await list());
        } catch (err) {
          failed = true;
          logger.debug(
            { code: (err as { code?: string }).code, why: messageOf(err) },
            'The gateway could not get a watched list and tries again.',
          );
        }
        busy = false;
        if (failed) timer = setTimeout(() => void refresh(), RETRY_MS);
        else if (again) void refresh();
      }

      const watch = watching.watch(user, (published, trace) => {
        // A list that was computed before the one that is shown: another replica wrote it, or a put was sent again.
        if (published && published.seq < reached) return;
        reached = Math.max(reached, published?.seq ?? 0);
        const view = busy ? undefined : published && viewOfPublished(published, query, config);
        const span = tracing?.follow('push', trace, { kind: 'producer' });
        if (span) pushes.push(span);
        if (view) show(view);
        else void refresh();
      });
      const release = whileValid(context, caller, () => sse?.end());
      const leave = (): void => {
        ended = true;
        for (const span of pushes.splice(0)) span.end();
        clearTimeout(timer);
        watch.close();
        release();
        if (sse) open.delete(sse);
        metrics.streams(watching.count());
      };
      let first: RankingView;
      try {
        first = await list();
      } catch (err) {
        leave();
        throw err;
      }
      reply.hijack();
      sse = openSse(reply.raw, {
        buffers,
        headers: reply.getHeaders() as Record<string, string>,
        heartbeatMs: http.stream_heartbeat_ms,
        bufferBytes: http.stream_buffer_bytes,
        retryMs: RETRY_MS,
        onEnd: leave,
      });
      open.add(sse);
      metrics.streams(watching.count());
      show(first);
      endRequest(request, 200);
      busy = false;
      if (again) void refresh();
      // The caller disconnected, or its key or token ended, while the engine made the first list.
      if (reply.raw.destroyed || !authenticator.isValid(caller)) sse.end();
      return reply;
    },
  );
}
