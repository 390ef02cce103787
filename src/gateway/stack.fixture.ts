/** For tests: a server, the services and a gateway, each real, in folders of their own. */

import type { Logger } from 'pino';
import { makeTempDir, removeTempDir } from '../../test/support/tempdir.ts';
import type { RunningService } from '../bus/service/description.ts';
import { completeConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { startContent } from '../content/start.ts';
import { startEngine } from '../engine/start.ts';
import { startFeedback } from '../feedback/start.ts';
import { createLogger } from '../observability/log.ts';
import { startUser } from '../user/start.ts';
import { type RunningGateway, startGateway } from './start.ts';

const STARTERS = { user: startUser, content: startContent, feedback: startFeedback, engine: startEngine };
export type StackService = keyof typeof STARTERS;

/** Silent, and with pauses that tests can wait for. */
export const testConfig = (http: Partial<Config['http']> = {}, more: object = {}): Config =>
  completeConfig({
    log: { level: 'silent' },
    projection: { backoff_max_ms: 100 },
    http: { ready_cache_ms: 0, system_cache_ms: 0, ...http },
    ...more,
  });

export interface Answer<Body = Record<string, unknown>> {
  status: number;
  headers: Headers;
  text: string;
  body: Body;
}

/** A request to a gateway; parses the body of the answer if it is JSON. */
export async function request<Body = Record<string, unknown>>(
  url: string,
  path: string,
  init: RequestInit = {},
): Promise<Answer<Body>> {
  const response = await fetch(url + path, init);
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
  return { status: response.status, headers: response.headers, text, body: (json ? JSON.parse(text) : {}) as Body };
}

export interface PublishBody {
  accepted: number;
  duplicates: number;
  rejected: { index: number; id: string | null; code: string; message: string }[];
  seq?: number;
  code?: string;
  detail?: string;
  unacknowledged?: number;
}

export const post = (
  url: string,
  body: string | Uint8Array,
  media = 'application/cloudevents+json',
): Promise<Answer<PublishBody>> =>
  request<PublishBody>(url, '/v1/events', {
    method: 'POST',
    headers: { 'content-type': media },
    body: body as NonNullable<RequestInit['body']>,
  });

/** Posts a JSON body. */
export const send = <Body = Record<string, unknown>>(
  url: string,
  path: string,
  body: unknown = {},
  headers: Record<string, string> = {},
): Promise<Answer<Body>> =>
  request<Body>(url, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** Publishes events as an array. */
export const publish = (url: string, ...events: unknown[]): Promise<Answer<PublishBody>> =>
  post(url, JSON.stringify(events), 'application/cloudevents-batch+json');

export interface Stack {
  gateway: RunningGateway;
  url: string;
  /** Folder of the projections. */
  data: string;
  start(...names: StackService[]): Promise<void>;
  stop(): Promise<void>;
}

/** A gateway, and the services that a test starts on the same server. */
export async function startStack({
  natsUrl,
  config = testConfig(),
  port = 0,
  logger = createLogger({ service: 'test', level: 'silent' }),
}: {
  natsUrl: string;
  config?: Config;
  port?: number;
  /** Silent unless given. */
  logger?: Logger;
}): Promise<Stack> {
  const data = makeTempDir('gateway');
  const services: RunningService[] = [];
  const gateway = await startGateway({ config, natsUrl, port, data, logger });
  return {
    gateway,
    url: gateway.url,
    data,
    start: async (...names) => {
      services.push(
        ...(await Promise.all(names.map((name) => STARTERS[name]({ config, natsUrl, data, healthPort: 0, logger })))),
      );
    },
    stop: async () => {
      await gateway.stop();
      await Promise.all(services.map((service) => service.stop()));
      removeTempDir(data);
    },
  };
}
