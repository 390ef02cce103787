/** `/v1/users/{id}/recommendations/at`: the list of a user as of an earlier position of the log. */
import type { FastifyInstance } from 'fastify';
import { findPosition } from '../../bus/log/position.ts';
import { problemOf } from '../../bus/nats/problem.ts';
import { CLOSED } from '../access/caller.ts';
import { whileValid } from '../access/while-valid.ts';
import type { GatewayContext } from '../context.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { openSse } from '../sse.ts';

/** Milliseconds after which a reader that lost the connection asks again. */
const RETRY_MS = 5_000;

export function pastRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { config, link, schemas, buffers, pastLists } = context;
  const { http } = config;

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'past'> }>(
    '/v1/users/:id/recommendations/at',
    {
      config: { access: CLOSED },
      schema: {
        tags: ['recommendations'],
        operationId: 'recommendationsAt',
        summary: 'The list of a user as of an earlier position of the log, with explanations',
        description:
          'A process of its own folds the log from the nearest kept snapshot before the position, or from the beginning, so this may take minutes. Server-sent events show the progress; the `list` or the `problem` is the last one. To close the connection cancels the work. One gateway makes one such list at a time (409). `/v1/snapshots` names the positions that are cheap.',
        params: schemas.userPath,
        querystring: schemas.past,
        response: answers('PastStream', 'The progress, then the list', [...READ_PROBLEMS, 404, 409]),
      },
    },
    async ({ params, query: { seq, n, fields }, caller }, reply) => {
      const { nc, log } = link.bus();
      // A position that the log does not have is an answer of its own.
      const position = await link.whileConnected(findPosition(nc, log, { seq }));
      let id = 0;
      let show = (_event: string, _data: object): void => undefined;
      const list = pastLists.start({ user: params.id, seq, n, fields }, (done, of) => show('progress', { done, of }));
      const release = whileValid(context, caller, list.cancel);
      const sse = openSse(reply.hijack().raw, {
        buffers,
        headers: reply.getHeaders() as Record<string, string>,
        heartbeatMs: http.stream_heartbeat_ms,
        bufferBytes: http.stream_buffer_bytes + http.body_bytes,
        retryMs: RETRY_MS,
        onEnd: () => {
          release();
          list.cancel();
        },
      });
      show = (event, data) => void sse.send({ id: String(++id), event, data });
      show('progress', { done: 0, of: null });
      try {
        const answer = await list.done;
        show('list', { ...answer, as_of: { seq: position.seq, time: new Date(position.taken).toISOString() } });
      } catch (err) {
        show('problem', problemOf(err));
      } finally {
        sse.end();
      }
      return reply;
    },
  );
}
