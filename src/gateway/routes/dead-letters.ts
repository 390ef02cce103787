/** `/v1/dead-letters`: the events that services could not fold, and what an operator does about them. */
import type { FastifyInstance } from 'fastify';
import { createCodec } from '../../bus/event/codec.ts';
import { CLOSED } from '../access/caller.ts';
import type { GatewayContext } from '../context.ts';
import { discardDeadLetter, listDeadLetters, retryDeadLetter } from '../dead-letters.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';

const tags = ['operations'];

export function deadLetterRoutes(app: FastifyInstance, { config, link, schemas }: GatewayContext): void {
  const { http, events } = config;
  const codec = createCodec({ declared: events.declared, maxEventBytes: events.max_bytes });

  app.get<{ Querystring: RequestOf<'deadLetters'> }>(
    '/v1/dead-letters',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'deadLetters',
        summary: 'Events that services could not fold, newest first, with the reasons',
        description:
          'An event that several services could not fold is one dead letter. `problem` says what is wrong with it by the schemas of this release; null: the release can read it, and a rebuild of the services folds it.',
        querystring: schemas.deadLetters,
        response: answers('DeadLetters', 'The dead letters', READ_PROBLEMS),
      },
    },
    ({ query: { n = http.log_default, ...query } }) =>
      link.whileConnected(listDeadLetters(link.bus().nc, codec, { ...query, n, most: http.dead_letters_max })),
  );

  app.post<{ Params: RequestOf<'logSeqPath'> }>(
    '/v1/dead-letters/:seq/retry',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'retryDeadLetter',
        summary: 'Check whether this release can fold the event of a dead letter now',
        description:
          'If it can (`readable`), a rebuild of the services folds the event at its own sequence; `next` names the command. Publishing the event again would add a second one. If it can not, the problem says what is wrong: publish a corrected event under a new id, then discard the dead letter.',
        params: schemas.logSeqPath,
        body: schemas.nothing,
        response: answers('DeadLetterOutcome', 'The release can fold it', [...READ_PROBLEMS, 404, 409, 413, 415]),
      },
    },
    ({ params }) => link.whileConnected(retryDeadLetter(link.bus().nc, codec, params.seq)),
  );

  app.post<{ Params: RequestOf<'logSeqPath'> }>(
    '/v1/dead-letters/:seq/discard',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'discardDeadLetter',
        summary: 'Take a dead letter off the list; its event stays in the log',
        description: 'For all services that could not fold the event. Discarding it again changes nothing.',
        params: schemas.logSeqPath,
        body: schemas.nothing,
        response: answers('DeadLetterOutcome', 'The dead letter is off the list', [...READ_PROBLEMS, 404, 413, 415]),
      },
    },
    ({ params }) => link.whileConnected(discardDeadLetter(link.bus().nc, params.seq)),
  );
}
