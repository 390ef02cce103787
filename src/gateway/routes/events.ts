/** `POST /v1/events`: publishes events into the log. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { createCodec } from '../../bus/event/codec.ts';
import { type Problem, problemOf } from '../../bus/nats/problem.ts';
import {
  BadRequestError,
  FreshetError,
  MediaTypeError,
  NatsUnreachableError,
  PublishUnacknowledgedError,
} from '../../errors.ts';
import { publishProblem } from '../access/events.ts';
import { EVENT_MEDIA, type EventMedia, readEntries } from '../body.ts';
import type { GatewayContext } from '../context.ts';
import { sendProblem } from '../problems.ts';
import { type PublishOutcome, publishEntries } from '../publish.ts';
import { answers } from '../schemas/answers.ts';
import { EVENT_EXAMPLE } from '../schemas/event.ts';
import { traceOfRequest } from '../traced-requests.ts';

interface EventBody {
  media: EventMedia;
  bytes: Buffer;
}

const second = { ...EVENT_EXAMPLE, id: '01JDA8Z7Q6', data: { item: 'i8' } };
const CONTENT: Record<EventMedia, { schema: object }> = {
  'application/cloudevents+json': { schema: Type.Ref('Event#') },
  'application/cloudevents-batch+json': {
    schema: Type.Array(Type.Ref('Event#'), {
      minItems: 1,
      description: 'several events',
      examples: [[EVENT_EXAMPLE, second]],
    }),
  },
  'application/x-ndjson': {
    schema: Type.String({
      description: 'one event per line',
      examples: [`${JSON.stringify(EVENT_EXAMPLE)}\n${JSON.stringify(second)}\n`],
    }),
  },
  'application/json': {
    schema: Type.Union([Type.Ref('Event#'), Type.Array(Type.Ref('Event#'), { minItems: 1 })], {
      description: 'one event or several',
    }),
  },
};

export async function eventRoutes(app: FastifyInstance, context: GatewayContext): Promise<void> {
  const { config, link, metrics, logger } = context;
  const { http, events, publisher } = config;
  const codec = createCodec({ declared: events.declared, maxEventBytes: events.max_bytes });

  // A context of its own, because these routes parse bodies in another way.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    for (const media of EVENT_MEDIA)
      scope.addContentTypeParser(
        media,
        { parseAs: 'buffer' },
        async (_request: unknown, bytes: Buffer): Promise<EventBody> => ({ media, bytes }),
      );
    scope.addContentTypeParser('*', async () => {
      throw unreadable();
    });

    scope.post<{ Body: EventBody | undefined }>(
      '/v1/events',
      {
        config: { access: { scope: ['events:user', 'events:content'], token: 'handler' } },
        schema: {
          tags: ['events'],
          operationId: 'publishEvents',
          summary: 'Publish events',
          description:
            'Send one event, an array or lines. The gateway checks each event, stores the valid ones even if others are not, and answers after ' +
            'JetStream has acknowledged. source and id identify an event: a caller can send it again safely, and it counts once. The gateway rejects another ' +
            'event under the source and id of an earlier one.',
          body: { content: CONTENT },
          response: answers(
            'Published',
            'The log has stored at least one of the events, or held it already',
            [400, 401, 403, 413, 415, 429, 503],
          ),
        },
        // The codec checks each event, by the same rules as a service that reads the log.
        validatorCompiler: () => () => true,
        preParsing: async (request, _reply, payload) => {
          const encoding = request.headers['content-encoding'];
          if (encoding !== undefined && encoding !== 'identity')
            throw new MediaTypeError(
              `The gateway does not decode bodies with content-encoding ${encoding.slice(0, 50)}.`,
              {
                next: 'send the body without content-encoding',
              },
            );
          return payload;
        },
      },
      async (request, reply) => {
        const { body, caller } = request;
        if (body === undefined)
          throw new BadRequestError('The body is empty.', {
            next: `send an event as ${EVENT_MEDIA[0]}`,
            details: { member: 'body' },
          });
        const entries = readEntries(body.media, body.bytes, http.batch_events);
        const trace = traceOfRequest(request);
        const span = context.tracing?.follow('publish', trace, { kind: 'producer' });
        const outcome = await publishEntries(entries, {
          codec,
          bus: link.bus(),
          window: publisher.window,
          timeoutMs: http.publish_timeout_ms,
          problemOf: (event) => publishProblem(caller, event),
          trace: span?.trace ?? trace,
        });
        span?.set({ 'freshet.events': entries.length, 'freshet.accepted': outcome.accepted });
        span?.end(outcome.unacknowledged > 0 ? 'FRESHET_PUBLISH_UNACKNOWLEDGED' : undefined);
        count(outcome);
        return answer(reply, outcome, entries.length);
      },
    );
  });

  function count({ accepted, duplicates, rejected, unacknowledged }: PublishOutcome): void {
    metrics.accepted(accepted);
    metrics.duplicates(duplicates);
    for (const { code } of rejected) metrics.rejected(code);
    metrics.unacknowledged(unacknowledged);
  }

  function answer(reply: FastifyReply, outcome: PublishOutcome, events: number): FastifyReply {
    const { unacknowledged, failure, accepted, duplicates, rejected, warnings, seq } = outcome;
    const counts = {
      accepted,
      duplicates,
      rejected,
      ...(warnings.length === 0 ? {} : { warnings }),
      ...(seq === undefined ? {} : { seq }),
    };
    if (unacknowledged > 0) {
      // The code alone of a Freshet error: its details contain the subject, and the subject contains the user's id.
      const why = failure instanceof FreshetError ? { code: failure.code } : { err: failure };
      logger.warn({ ...why, unacknowledged, accepted, duplicates }, 'The log did not acknowledge events.');
      return sendProblem(reply, {
        ...unacknowledgedProblem(outcome, http.publish_timeout_ms),
        ...counts,
        unacknowledged,
      });
    }
    if (accepted + duplicates > 0) return reply.send(counts);
    return sendProblem(reply, { ...refused(outcome, events), ...counts });
  }
}

const unreadable = (): MediaTypeError =>
  new MediaTypeError(`The gateway does not read events of this content type. It reads ${EVENT_MEDIA.join(', ')}.`, {
    next: `add the header 'content-type: ${EVENT_MEDIA[0]}'`,
  });

const SAFE = 'Publish all of them again under the same ids: the log stores no event twice.';

/** Says why the log did not acknowledge events, and that a retry is safe. */
function unacknowledgedProblem({ unacknowledged, failure }: PublishOutcome, timeoutMs: number): Problem {
  const what = unacknowledged === 1 ? 'one event' : `${unacknowledged} events`;
  if (failure instanceof FreshetError && !(failure instanceof PublishUnacknowledgedError)) {
    const problem = problemOf(failure);
    return { ...problem, detail: `${problem.detail} This leaves ${what} unacknowledged. ${SAFE}` };
  }
  const err =
    failure === undefined || failure instanceof FreshetError
      ? new PublishUnacknowledgedError(`The log did not acknowledge ${what} within ${timeoutMs} ms. ${SAFE}`, {
          next: 'freshet status',
        })
      : new NatsUnreachableError(`The connection to the log was lost before it acknowledged ${what}. ${SAFE}`, {
          next: 'freshet status',
        });
  return problemOf(err);
}

/** Codes of valid events that the caller may not publish. */
const NOT_ALLOWED: ReadonlySet<string> = new Set([
  'FRESHET_SCOPE_MISSING',
  'FRESHET_OTHER_USER',
  'FRESHET_OTHER_SOURCE',
]);

/** Next steps if all events were refused for the same reason; the page on events covers the other codes. */
const NEXT: Readonly<Record<string, string>> = {
  FRESHET_SCOPE_MISSING: 'publish with a key that has the scope: freshet keys create NAME --scope SCOPE',
  FRESHET_OTHER_USER: 'publish with a token of that user, or from your server with a key',
  FRESHET_OTHER_SOURCE: 'publish with the source that the answer to POST /v1/tokens names',
  FRESHET_IDENTITY_REUSED: 'publish the event under a new id; send a retry with the same type, subject, time and data',
  FRESHET_IDENTITY_PURGED: 'leave it, or, if it happened after the erasure, publish it under a new id',
  FRESHET_EVENT_TOO_LARGE: 'send a smaller event, or raise events.max_bytes',
};

/** The problem if the log stored no event: with the code of the events, if all have the same. */
function refused({ rejected }: PublishOutcome, events: number): Problem {
  const [first] = rejected;
  const codes = new Set(rejected.map(({ code }) => code));
  const code = codes.size === 1 && first ? first.code : 'FRESHET_BAD_REQUEST';
  return {
    type: `urn:freshet:problem:${code.slice('FRESHET_'.length).toLowerCase().replaceAll('_', '-')}`,
    title: 'Event refused',
    status: code === 'FRESHET_EVENT_TOO_LARGE' ? 413 : NOT_ALLOWED.has(code) ? 403 : 400,
    code,
    detail: events === 1 && first ? first.message : `The gateway refused all ${events} events. rejected says why.`,
    next: NEXT[code] ?? 'see docs/reference/events.md',
  };
}
