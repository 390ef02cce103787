/**
 * `/docs`: a page to try the calls. All its addresses are relative, so it works under any path of a proxy. Its document is
 * that of `/openapi.json`, with examples that answer: the page fills in every default and example that it finds, and a
 * request with all of them asks for something that nobody means.
 */
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

interface Member {
  default?: unknown;
  example?: unknown;
  examples?: unknown;
}
interface Parameter extends Member {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Member & { title?: string };
}
interface Operation {
  operationId?: string;
  parameters?: Parameter[];
  requestBody?: { content?: Record<string, Member> };
}
type Methods = Record<string, Operation>;
interface Document {
  paths?: Record<string, Methods>;
  servers?: object[];
}

/** Ids of the demo, and what the ids of its readers begin with. */
const READER = 'reader-1';
const READERS = 'reader';
const BOOK = 'shelley-frankenstein';

/** Bodies by operation. */
const BODIES: Readonly<Record<string, object>> = {
  recommend: { user: READER, n: 5, fields: ['title'] },
  recommendForUsers: { users: [READER, 'reader-2'], n: 3, fields: ['title'] },
  whatIf: { user: READER, add: [BOOK], n: 5, fields: ['title'] },
  createToken: { user: 'u42', source: 'shop-web' },
};

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#1d4e5f"/><path d="M5 13q5.5-5 11 0t11 0M5 20q5.5-5 11 0t11 0" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>`;

/** Call it after the OpenAPI plugin is registered, and before the routes are made. */
export async function registerDocsPage(app: FastifyInstance): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    theme: {
      title: 'Freshet: try the calls',
      favicon: [{ filename: 'freshet.svg', rel: 'icon', sizes: 'any', type: 'image/svg+xml', content: ICON }],
    },
    // Without the bar of the library.
    uiConfig: { displayRequestDuration: true, tryItOutEnabled: true, layout: 'BaseLayout' },
    uiHooks: { onRequest: redirectToFolder },
    transformSpecification: (document) => withExamples(document as Document) as typeof document,
    transformSpecificationClone: true,
  });
}

/** The page has relative addresses only under an address that ends in a slash. */
function redirectToFolder(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const [path, query] = request.url.split('?');
  if (path === '/docs') void reply.redirect(`docs/${query === undefined ? '' : `?${query}`}`);
  else done();
}

function withExamples(document: Document): Document {
  // Relative to /docs/json.
  document.servers = [{ url: '..', description: 'this gateway' }];
  for (const [address, methods] of Object.entries(document.paths ?? {}))
    for (const [method, operation] of Object.entries(methods)) {
      for (const parameter of operation.parameters ?? []) {
        if (parameter.in === 'path') fill(parameter, exampleOf(address, method));
        else if (parameter.required !== true) empty(parameter);
      }
      const body = BODIES[operation.operationId ?? ''];
      const content = operation.requestBody?.content?.['application/json'];
      if (body && content) content.example = body;
    }
  return document;
}

/** An id of the demo, or a sequence; to forget somebody, one that is not there. */
function exampleOf(address: string, method: string): string | undefined {
  if (method === 'delete') return undefined;
  if (address === '/v1/users') return READERS;
  if (address.startsWith('/v1/users/')) return READER;
  if (address === '/v1/log/{seq}') return '1';
  return /^\/v1\/(feedback\/)?items\//.test(address) ? BOOK : undefined;
}

function fill(parameter: Parameter, example: string | undefined): void {
  if (example === undefined) return;
  parameter.example = example;
  delete parameter.examples;
  if (parameter.schema) {
    delete parameter.schema.example;
    delete parameter.schema.examples;
  }
}

/** Takes out what the page would fill in; the default stands in the description instead. */
function empty(parameter: Parameter): void {
  const { schema = {}, description = '' } = parameter;
  const usual = schema.default ?? parameter.default;
  if (usual !== undefined) parameter.description = `${description} (default: ${JSON.stringify(usual)})`;
  for (const holder of [parameter, schema]) {
    delete holder.default;
    delete holder.example;
    delete holder.examples;
  }
}
