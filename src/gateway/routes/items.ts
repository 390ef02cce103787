/** `/v1/items`, `/v1/items/{id}` and `/v1/catalogue`. */
import type { FastifyInstance } from 'fastify';
import { BadRequestError } from '../../errors.ts';
import { otherUser } from '../access/authorizer.ts';
import { mayActFor } from '../access/caller.ts';
import type { GatewayContext } from '../context.ts';
import { withFilter } from '../filter.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { requestService } from '../service-request.ts';

const tags = ['items'];

export function itemRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { schemas, config } = context;
  const { content } = config;

  app.get<{ Params: RequestOf<'itemPath'>; Querystring: RequestOf<'fresh'> }>(
    '/v1/items/:id',
    {
      config: { access: { scope: ['recommend'], token: 'any' } },
      schema: {
        tags,
        operationId: 'getItem',
        summary: 'An item of the catalogue',
        params: schemas.itemPath,
        querystring: schemas.fresh,
        response: answers('Item', 'The item', [400, 401, 403, 404, 429, 503, 504]),
      },
    },
    ({ params, query }) => requestService(context, 'freshet.content.get', { ...query, item: params.id }),
  );

  app.get<{ Querystring: RequestOf<'catalogue'> }>(
    '/v1/catalogue',
    {
      config: { access: { scope: ['recommend'], token: 'none' } },
      schema: {
        tags,
        operationId: 'describeCatalogue',
        summary: 'What the catalogue holds: tags, attributes, and items with a title alone',
        description: 'At most `content.facets_cache_ms` old, because the service reads the whole catalogue for it.',
        querystring: schemas.catalogue,
        response: answers('Catalogue', 'The catalogue in numbers', [400, 401, 403, 429, 503, 504]),
      },
    },
    ({ query }) => requestService(context, 'freshet.content.facets', query),
  );

  app.get<{ Querystring: RequestOf<'items'> }>(
    '/v1/items',
    {
      config: { access: { scope: ['recommend'], token: 'handler' } },
      schema: {
        tags,
        operationId: 'listItems',
        summary:
          'The catalogue: all items in pages, those with a tag, those with certain ids, or those that a search finds',
        description:
          'With `ids`, such as `ids=i7,i8`, the answer holds these items in the order of the request, and `unknown` names the ids that the catalogue does not know. ' +
          'If an id holds a comma, `ids` is a JSON list. The head of a request holds about 16 kB; send more ids in several requests.\n\n' +
          'With `q`, such as `q=sea adv`, the answer is that of a search: items whose titles, tags and attributes have all of these words, the last one also as the beginning of a word, the best first. ' +
          `With \`user\` the engine ranks the best of them for that user. A search has no pages, and \`n\` is at most ${content.search_max} (by default ${content.search_default}); \`more\` says whether more items match.`,
        querystring: schemas.items,
        response: answers(
          ['Items', 'FoundItems'],
          'A page of the catalogue; with q, what the search found',
          READ_PROBLEMS,
        ),
      },
    },
    ({ query, caller }) => {
      const { q } = query;
      refuse(query, q === undefined ? OF_SEARCHES : OF_LISTS, q === undefined);
      if (q === undefined) return requestService(context, 'freshet.content.list', query);
      if (query.user !== undefined && !mayActFor(caller, query.user)) throw otherUser();
      return requestService(context, 'freshet.content.search', withFilter(query));
    },
  );
}

const OF_SEARCHES = ['user', 'filter', 'withdrawn', 'fields'] as const;
const OF_LISTS = ['ids', 'cursor'] as const;

/** Throws `BadRequestError` for a member that this kind of request does not have. */
function refuse(query: RequestOf<'items'>, members: readonly (keyof RequestOf<'items'>)[], list: boolean): void {
  const member = members.find((name) => query[name] !== undefined);
  if (member === undefined) return;
  throw new BadRequestError(
    list
      ? `${member} belongs to a search, and the request has no q. Send q with it, or leave it out.`
      : `The request has both q and ${member}. Leave one of them out.`,
    { details: { member } },
  );
}
