/** An AsyncAPI 3.0 document of all messages on NATS: events by subject, requests to services, and what Freshet writes. */
import { DECLARED_TYPE, eventSchemas, type JsonSchema } from './json-schema.ts';
import { parseType } from './types.ts';

/** An endpoint of a micro service, as it describes itself. */
export interface DocumentedEndpoint {
  /** `freshet.engine.recommend` */
  subject: string;
  description: string;
  /** An example request. */
  example: Record<string, unknown>;
}

/** Messages that Freshet writes to a subject besides the events. */
export interface DocumentedOutput {
  name: string;
  /** Subject with `{parameters}`. */
  address: string;
  description: string;
  /** Parameter names with their meanings. */
  parameters: Readonly<Record<string, string>>;
}

export interface AsyncApiOptions {
  version: string;
  endpoints: readonly DocumentedEndpoint[];
  outputs: readonly DocumentedOutput[];
}

type Json = Record<string, unknown>;

const ref = (path: string): Json => ({ $ref: `#/${path}` });
const TOKEN = 'letters, digits, _ and - as they are, every other byte of the UTF-8 form as =HH';

/** The whole document. It includes the schemas, so it refers to no other file. */
export function asyncApiDocument({ version, endpoints, outputs }: AsyncApiOptions): Json {
  const channels: Json = {};
  const operations: Json = {};
  const messages: Json = {};
  const schemas: Json = {};

  for (const [type, schema] of eventSchemas()) {
    const { channel, operation, message } = eventParts(type);
    channels[type] = channel;
    operations[`take.${type}`] = operation;
    messages[type] = message;
    schemas[type] = embedded(schema);
  }
  for (const endpoint of endpoints) {
    const name = endpoint.subject;
    channels[name] = requestChannel(endpoint);
    channels[`${name}.answer`] = {
      address: null,
      description: `Answers of ${name}, on the inbox that the request names`,
      messages: { answer: ref('components/messages/answer'), problem: ref('components/messages/problem') },
    };
    operations[`answer.${name}`] = {
      action: 'receive',
      channel: ref(`channels/${name}`),
      summary: endpoint.description,
      reply: { address: { location: '$message.header#/reply-to' }, channel: ref(`channels/${name}.answer`) },
    };
  }
  for (const { name, address, description, parameters } of outputs) {
    channels[name] = {
      address,
      description,
      parameters: parametersOf(parameters),
      messages: { [name]: { name, contentType: 'application/json', payload: { type: 'object' } } },
    };
    operations[`write.${name}`] = { action: 'send', channel: ref(`channels/${name}`), summary: description };
  }

  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Freshet',
      version,
      description:
        'Event-sourced recommendations on NATS JetStream. Events go into the stream EVENTS on ev.<context>.<entity>.<verb>; ' +
        'services answer requests on freshet.<service>.<endpoint>.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: { local: { host: '127.0.0.1:4222', protocol: 'nats', description: 'the embedded nats-server' } },
    channels,
    operations,
    components: {
      messages: {
        ...messages,
        answer: { name: 'answer', contentType: 'application/json', payload: { type: 'object' } },
        problem: {
          name: 'problem',
          summary: 'RFC 9457 problem details; the header Nats-Service-Error-Code holds the status',
          contentType: 'application/json',
          payload: ref('components/schemas/problem'),
        },
      },
      schemas: { ...schemas, problem: PROBLEM },
    },
  };
}

const PROBLEM: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'a stable code, for programs' },
    detail: { type: 'string', description: 'what is wrong, for people; the text may change' },
    next: { type: 'string', description: 'what to run or change' },
  },
};

function eventParts(type: string): { channel: Json; operation: Json; message: Json } {
  const { context, verb } = parseType(type) ?? { context: 'user', verb: '' };
  const entity = context === 'content' ? 'item' : context === 'control' ? 'act' : 'user';
  const own = type === DECLARED_TYPE;
  const control = context === 'control';
  return {
    channel: {
      address: `ev.${context}.{${entity}}.${own ? '{verb}' : verb}`,
      description: control ? 'Written by Freshet alone' : 'Events that an app publishes, stored in the stream EVENTS',
      parameters: parametersOf({
        [entity]: `id of the ${entity} as a token: ${TOKEN}`,
        ...(own ? { verb: 'a declared verb, x_...' } : {}),
      }),
      messages: { [type]: ref(`components/messages/${type}`) },
    },
    operation: {
      action: control ? 'send' : 'receive',
      channel: ref(`channels/${type}`),
      summary: control ? 'Recorded for replays' : 'Folded by the services',
    },
    message: {
      name: type,
      contentType: 'application/cloudevents+json',
      headers: {
        type: 'object',
        properties: {
          'Nats-Msg-Id': {
            type: 'string',
            description:
              '<source>/<id>, with / and % of the id percent-encoded. Without the header the payload gives the identity',
          },
        },
      },
      payload: ref(`components/schemas/${type}`),
    },
  };
}

const requestChannel = ({ subject, description, example }: DocumentedEndpoint): Json => ({
  address: subject,
  description,
  messages: {
    request: {
      name: 'request',
      contentType: 'application/json',
      payload: { type: 'object' },
      examples: [{ payload: example }],
    },
  },
});

const parametersOf = (parameters: Readonly<Record<string, string>>): Json =>
  Object.fromEntries(Object.entries(parameters).map(([name, description]) => [name, { description }]));

/** A schema without its own address and dialect, which it does not need inside the document. */
function embedded({ $schema, $id, ...schema }: JsonSchema): JsonSchema {
  return schema;
}
