/** `/v1/log`: events of the log, as pages, one by one, as a stream, and by publisher. */
import type { FastifyInstance } from 'fastify';
import { streamSeq } from '../../bus/event/ids.ts';
import { followLog } from '../../bus/log/follow.ts';
import { entryOf, type LogEntry, passes, publisherRates, searchLog, subjectOf } from '../../bus/log/search.ts';
import { type Absence, absenceOf } from '../../bus/projection/log-gaps.ts';
import { messageOf, NotFoundError, TooManyStreamsError } from '../../errors.ts';
import { CLOSED } from '../access/caller.ts';
import { whileValid } from '../access/while-valid.ts';
import type { GatewayContext } from '../context.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { openSse, type Sse } from '../sse.ts';

const tags = ['log'];
/** Milliseconds after which a reader of the stream connects again. */
const RETRY_MS = 1_000;

const ABSENCES: Record<Absence, string> = {
  'not-yet': 'the log has not reached it',
  erased: 'an erasure removed it',
  restored: 'the backup from which the log was restored did not hold it',
  'loss-accepted': 'the log lost it, and an operator accepted the loss',
  lost: 'the log has lost it',
};

export function logRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { config, link, schemas, authenticator, buffers, logger } = context;
  const { http } = config;
  const open = new Set<Sse>();
  let following = 0;
  app.addHook('preClose', async () => {
    for (const sse of open) sse.end();
  });

  app.get<{ Querystring: RequestOf<'log'> }>(
    '/v1/log',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'readLog',
        summary: 'Events of the log, newest first',
        description:
          'With `type`, `user` and `item` only the events that match all of them. One request reads a bounded number of events (`http.log_search_events`), so a page may be short or empty although earlier events match: go on with `next` until it is null.',
        querystring: schemas.log,
        response: answers('LogPage', 'A page of the log', READ_PROBLEMS),
      },
    },
    ({ query }) => {
      const { nc, log } = link.bus();
      const limits = { n: query.n ?? http.log_default, most: http.log_search_events, bytes: http.log_page_bytes };
      return link.whileConnected(searchLog(nc, log, { ...query, ...limits }));
    },
  );

  app.get<{ Params: RequestOf<'logSeqPath'> }>(
    '/v1/log/:seq',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'readEvent',
        summary: 'The event at a sequence of the log',
        description:
          'If the log does not hold it, `reason` of the problem says why: `not-yet`, `erased`, `restored` (a restored backup lacked it), `loss-accepted` or `lost`.',
        params: schemas.logSeqPath,
        querystring: schemas.nothing,
        response: answers('LogEntry', 'The event', [...READ_PROBLEMS, 404]),
      },
    },
    ({ params }) => link.whileConnected(readOne(params.seq)),
  );

  async function readOne(seq: number): Promise<LogEntry> {
    const { log } = link.bus();
    const message = await log.at(streamSeq(seq));
    if (message) return entryOf(message);
    const reason = await absenceOf(log, seq);
    throw new NotFoundError(`The log holds no event at sequence ${seq}: ${ABSENCES[reason]}.`, {
      next: reason === 'lost' ? 'freshet log check' : 'GET /v1/log lists the events that the log holds',
      details: { seq, reason },
    });
  }

  app.get<{ Querystring: RequestOf<'publishers'> }>(
    '/v1/log/publishers',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'logPublishers',
        summary: 'How much each source has published among the newest events',
        querystring: schemas.publishers,
        response: answers('Publishers', 'The sources', READ_PROBLEMS),
      },
    },
    ({ query }) => {
      const { nc, log } = link.bus();
      return link.whileConnected(publisherRates(nc, log, query.n ?? http.log_search_events));
    },
  );

  app.get<{ Querystring: RequestOf<'logStream'> }>(
    '/v1/log/stream',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'followLog',
        summary: 'The events of the log as they arrive',
        description:
          'Server-sent events: `start` holds the sequence after which the stream begins, and each `event` a message of the log. A reader that sends the last id that it received (`Last-Event-ID`) goes on after it. Lines that begin with a colon are heartbeats. A slow reader gets the events at its own pace.',
        querystring: schemas.logStream,
        response: answers('LogStream', 'The events', READ_PROBLEMS),
      },
    },
    async ({ query, caller, headers }, reply) => {
      const { nc, log } = link.bus();
      if (following >= http.log_streams_max)
        throw new TooManyStreamsError(
          `As many callers follow the log as the gateway allows (http.log_streams_max, ${http.log_streams_max}).`,
          { next: 'try again later, or read pages: GET /v1/log' },
        );
      following++;
      const { after, ...filter } = query;
      const last = /^\d{1,15}$/.exec(String(headers['last-event-id'] ?? ''))?.[0];
      const named = last === undefined ? after : Number(last);
      const begin = named ?? (await link.whileConnected(log.info()).catch(leave)).lastSeq;
      const stop = new AbortController();
      const release = whileValid(context, caller, () => stop.abort());
      const sse = openSse(reply.hijack().raw, {
        buffers,
        headers: reply.getHeaders() as Record<string, string>,
        heartbeatMs: http.stream_heartbeat_ms,
        // The largest event must fit behind what may wait before the sender pauses.
        bufferBytes: http.stream_buffer_bytes + 2 * config.events.max_bytes,
        retryMs: RETRY_MS,
        onEnd: () => {
          following--;
          release();
          stop.abort();
        },
      });
      open.add(sse);
      // A reader that loses the connection before the first event goes on from here.
      sse.send({ id: String(begin), event: 'start', data: { seq: begin } });
      if (!authenticator.isValid(caller)) stop.abort();
      const messages = followLog(nc, log.stream, {
        subject: subjectOf(filter),
        from: begin + 1,
        signal: stop.signal,
      });
      try {
        await link.whileConnected(forward(sse, messages));
      } catch (err) {
        // The reader connects again, and goes on after the last event that it received.
        logger.debug({ why: messageOf(err) }, 'The gateway ended a stream of the log.');
      } finally {
        sse.end();
        open.delete(sse);
      }

      function leave(err: unknown): never {
        following--;
        throw err;
      }
      async function forward(to: Sse, from: typeof messages): Promise<void> {
        for await (const message of from) {
          const entry = entryOf(message);
          if (!passes(filter, entry)) continue;
          if (!to.send({ id: String(entry.seq), event: 'event', data: entry })) return;
          await to.room();
        }
      }
      return reply;
    },
  );
}
