/** The OpenAPI document, made from the schemas that requests are checked with, and a page to try it. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { Type } from 'typebox';
import { VERSION } from '../version.ts';
import { CLOSED, type RouteAccess } from './access/caller.ts';
import { SHARED } from './schemas/answers.ts';

/** To be called before the routes are made. */
export async function registerOpenApi(app: FastifyInstance): Promise<void> {
  for (const schema of Object.values(SHARED)) app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Freshet',
        version: VERSION,
        description:
          'Event-sourced recommendations: publish events, ask for lists that hold their effect.\n\n' +
          'Errors are RFC 9457 problem details with a stable `code`. `min_seq` answers only from a state that holds the event with that sequence, ' +
          'the `seq` of a publish answer.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description:
              'A key that `freshet keys create` made, or a token of `POST /v1/tokens`. None is asked for until a key has been made.',
          },
          header: {
            type: 'apiKey',
            in: 'header',
            name: 'X-API-Key',
            description: 'The same key, in a header of its own',
          },
        },
      },
      // Relative: right behind whatever host and port the document was fetched from.
      servers: [{ url: '/', description: 'this gateway' }],
      tags: [
        { name: 'events', description: 'Into the log' },
        { name: 'access', description: 'Tokens for browsers' },
        { name: 'recommendations', description: 'Ranked lists' },
        { name: 'users', description: 'What is known of users' },
        { name: 'items', description: 'The catalogue' },
        { name: 'feedback', description: 'What came of what was shown' },
        { name: 'operations', description: 'Health, readiness, metrics' },
      ],
    },
    transform: ({ schema, url, route }) => ({ schema: withAccess(schema, url, route.config?.access), url }),
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `schema-${i}`),
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiConfig: { displayRequestDuration: true, tryItOutEnabled: true },
  });
}

/** Who may call: the keys and tokens of the document, and the scope in words. */
function withAccess(schema: FastifySchema, url: string, access: RouteAccess | undefined): FastifySchema {
  if (!url.startsWith('/v1/') || schema?.hide) return schema;
  const { scope } = access ?? CLOSED;
  if (scope === null) return schema;
  const said = `Takes a key with the scope ${scope.map((one) => `\`${one}\``).join(' or ')}, where keys are asked for.`;
  return {
    ...schema,
    security: [{ bearer: [] }, { header: [] }, {}],
    description: schema.description ? `${schema.description}\n\n${said}` : said,
  };
}

/** To be called after the routes are made. */
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
    (_request, reply) => {
      text ??= JSON.stringify(app.swagger());
      return reply.type('application/json').send(text);
    },
  );
}
