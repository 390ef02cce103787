/** `/v1/users/{id}/recommendations/stream`: the list of a user, again whenever it changes. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { messageOf, TooManyStreamsError } from '../../errors.ts';
import { ask } from '../ask.ts';
import type { GatewayContext } from '../context.ts';
import { withFilter } from '../filter.ts';
import { type RankingView, viewOfPublished } from '../published-list.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { openSse, type Sse } from '../sse.ts';

/** Milliseconds after which a list that could not be had is asked for again, and a reader comes back. */
const RETRY_MS = 1_000;

/** Of Node's timers; a longer one ends at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Place in a stream: the log position, and a hash of what was shown, by which a list that didn't change is known. */
const placeOf = ({ seq, items }: RankingView): string => `${seq}.${digest(items)}`;
const digest = (items: RankingView['items']): string =>
  createHash('sha256')
    .update(JSON.stringify(items.map(({ item }) => item)))
    .digest('base64url')
    .slice(0, 12);

const PLACE = /^(\d{1,15})\.([\w-]{12})$/;

export function streamRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { schemas, config, watching, gate, keys, metrics, logger } = context;
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
          'Server-sent events: each `ranking` holds a list as the plain call answers it. A reader that names the last id it has seen ' +
          '(`Last-Event-ID`) gets the list only if it is another by now. Lines that begin with a colon are signs of life. Pages that can’t set headers ' +
          '(EventSource) give their token as `access_token`.',
        params: schemas.userPath,
        querystring: schemas.stream,
        response: answers('RankingStream', 'The list, then each one that differs from the one before', READ_PROBLEMS),
      },
    },
    async (request, reply) => {
      const { params, caller } = request;
      const { access_token: _token, ...asked } = request.query;
      const query = withFilter(asked);
      const user = params.id;
      if (watching.count() >= http.streams_max || watching.count(user) >= http.streams_per_user)
        throw new TooManyStreamsError('As many lists are being watched as this gateway takes.', {
          next: 'ask for the list now and then, or come back later',
        });
      const [, seen = '0', shown] = PLACE.exec(String(request.headers['last-event-id'] ?? '')) ?? [];
      let reached = Math.max(Number(seen), query.min_seq ?? 0);
      let last = shown;
      let sse: Sse | undefined;
      let ended = false;
      let busy = true;
      let again = false;
      let timer: NodeJS.Timeout | undefined;

      const list = (): Promise<RankingView> =>
        ask(context, 'freshet.engine.recommend', {
          ...query,
          user,
          ...(reached > 0 ? { min_seq: reached } : {}),
        }) as Promise<RankingView>;

      function show(ranking: RankingView): void {
        reached = Math.max(reached, ranking.seq);
        const now = digest(ranking.items);
        if (now === last) return;
        last = now;
        if (sse?.send({ id: placeOf(ranking), event: 'ranking', data: ranking })) metrics.pushed();
      }

      // One question at a time; what changes meanwhile asks for one more.
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
            'a watched list could not be had',
          );
        }
        busy = false;
        if (failed) timer = setTimeout(() => void refresh(), RETRY_MS);
        else if (again) void refresh();
      }

      const watch = watching.watch(user, (published) => {
        // A list that was computed before the one that is shown: another replica wrote it, or a put was sent again.
        if (published && published.seq < reached) return;
        reached = Math.max(reached, published?.seq ?? 0);
        const view = busy ? undefined : published && viewOfPublished(published, query, config);
        if (view) show(view);
        else void refresh();
      });
      const forget = keys.onChange(() => {
        if (!gate.stands(caller)) sse?.end();
      });
      const leave = (): void => {
        ended = true;
        clearTimeout(timer);
        clearTimeout(expiry);
        watch.close();
        forget();
        if (sse) open.delete(sse);
        metrics.streams(watching.count());
      };
      let expiry: NodeJS.Timeout | undefined;
      // In steps: a key may last longer than a timer can wait.
      function endWithCaller(): void {
        if (caller.kind === 'anybody') return;
        const left = caller.expires - Date.now();
        if (left <= 0) sse?.end();
        else expiry = setTimeout(endWithCaller, Math.min(left, LONGEST_TIMER_MS));
      }
      endWithCaller();
      let first: RankingView;
      try {
        first = await list();
      } catch (err) {
        leave();
        throw err;
      }
      reply.hijack();
      sse = openSse(reply.raw, {
        headers: reply.getHeaders() as Record<string, string>,
        heartbeatMs: http.stream_heartbeat_ms,
        bufferBytes: http.stream_buffer_bytes,
        retryMs: RETRY_MS,
        onEnd: leave,
      });
      open.add(sse);
      metrics.streams(watching.count());
      show(first);
      busy = false;
      if (again) void refresh();
      // It went, or what let it in did, while the first list was being made.
      if (reply.raw.destroyed || !gate.stands(caller)) sse.end();
      return reply;
    },
  );
}
