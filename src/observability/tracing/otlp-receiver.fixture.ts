/** For tests: a receiver of traces by OTLP over HTTP. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  /** Nanoseconds since 1970. */
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
  events: string[];
  links: string[];
  failed: boolean;
}

export interface OtlpReceiver {
  url: string;
  /** The spans of exports in JSON. */
  spans: ReceivedSpan[];
  /** The bodies of all exports. */
  bodies: { headers: IncomingHttpHeaders; bytes: Buffer }[];
  /** The status of the answers; 200 in the beginning. */
  answer(status: number): void;
  close(): Promise<void>;
}

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}

interface Export {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: { spans: Json[] }[];
  }[];
}

interface Json extends Omit<ReceivedSpan, 'service' | 'attributes' | 'events' | 'links' | 'failed'> {
  attributes?: Attribute[];
  events?: { name: string }[];
  links?: { spanId: string }[];
  status?: { code?: number };
}

const ERROR = 2;

const record = (attributes: readonly Attribute[] = []): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

const spansOf = ({ resourceSpans }: Export): ReceivedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ attributes, events = [], links = [], status, ...span }) => ({
        ...span,
        service: String(record(resource.attributes)['service.name']),
        attributes: record(attributes),
        events: events.map(({ name }) => name),
        links: links.map(({ spanId }) => spanId),
        failed: status?.code === ERROR,
      })),
    ),
  );

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: OtlpReceiver['bodies'] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    bodies.push({ headers: request.headers, bytes });
    const json = request.headers['content-type'] === 'application/json';
    if (json && status === 200) spans.push(...spansOf(JSON.parse(bytes.toString()) as Export));
    response.writeHead(status, { 'content-type': json ? 'application/json' : 'application/x-protobuf' });
    response.end(json ? '{}' : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    spans,
    bodies,
    answer: (given) => {
      status = given;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
