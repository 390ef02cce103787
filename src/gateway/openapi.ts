/** The OpenAPI document, made from the schemas that check requests. */
import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { Type } from 'typebox';
import { VERSION } from '../version.ts';
import { CLOSED, type RouteAccess } from './access/caller.ts';
import { prefixOf } from './prefix.ts';
import { SHARED } from './schemas/answers.ts';

/** Call it before the routes are made. */
export async function registerOpenApi(app: FastifyInstance): Promise<void> {
  for (const schema of Object.values(SHARED)) app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Freshet',
        version: VERSION,
        description:
          'Event-sourced recommendations: publish events, and request lists that reflect them.\n\n' +
          'Errors are RFC 9457 problem details with a stable `code`. With `min_seq`, the `seq` of a publish answer, the service answers from a state ' +
          'that includes this event.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description:
              'A key from `freshet keys create`, or a token from `POST /v1/tokens`. By default the gateway requires one as soon as the operator has made a key.',
          },
          header: {
            type: 'apiKey',
            in: 'header',
            name: 'X-API-Key',
            description: 'The same key or token, in a header of its own',
          },
        },
      },
      // Without host and port, so that it is right for those that served the document.
      servers: [{ url: '/', description: 'this gateway' }],
      tags: [
        { name: 'events', description: 'Publish events into the log' },
        { name: 'access', description: 'Tokens for browsers' },
        { name: 'recommendations', description: 'Ranked lists' },
        { name: 'users', description: 'Profiles, histories, exports and erasures' },
        { name: 'items', description: 'The catalogue' },
        { name: 'feedback', description: 'How users react to lists' },
        { name: 'log', description: 'Read the log of events' },
        { name: 'operations', description: 'Health, readiness, metrics, and what operators see and do' },
      ],
    },
    transform: ({ schema, url, route }) => ({ schema: withAccess(schema, url, route.config?.access), url }),
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `schema-${i}`),
    },
  });
}

/** Adds what a caller needs: the security schemes, and a sentence that names the scope. */
function withAccess(schema: FastifySchema, url: string, access: RouteAccess | undefined): FastifySchema {
  if (!url.startsWith('/v1/') || schema?.hide) return schema;
  const { scope } = access ?? CLOSED;
  if (scope === null) return schema;
  const sentence = `If the gateway requires keys: the caller needs the scope ${scope.map((one) => `\`${one}\``).join(' or ')}.`;
  return {
    ...schema,
    security: [{ bearer: [] }, { header: [] }, {}],
    description: schema.description ? `${schema.description}\n\n${sentence}` : sentence,
  };
}

/** Call it after the routes are made. */
export function openApiRoute(app: FastifyInstance): void {
  let text: string | undefined;
  app.get(
    '/openapi.json',
    {
      schema: {
        tags: ['operations'],
        operationId: 'openapi',
        summary: 'This document',
        response: {
          200: Type.Object({ openapi: Type.String() }, { additionalProperties: true, description: 'OpenAPI 3.1' }),
        },
      },
    },
    (request, reply) => {
      const prefix = prefixOf(request);
      text ??= JSON.stringify(app.swagger());
      // Behind a proxy the paths are below the prefix.
      const answer = prefix === '' ? text : JSON.stringify({ ...app.swagger(), servers: [{ url: prefix }] });
      return reply.type('application/json').header('vary', 'X-Forwarded-Prefix').send(answer);
    },
  );
}
