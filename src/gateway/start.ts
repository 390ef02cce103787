/** Starts the gateway: the HTTP interface to the log and the services. It stores nothing. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { createCodec } from '../bus/event/codec.ts';
import { accessOf } from '../bus/nats/access.ts';
import type { Config } from '../config/schema.ts';
import { portInUse } from '../observability/health.ts';
import { createLogger } from '../observability/log.ts';
import { openTracing } from '../observability/tracing/tracing.ts';
import { createAuthenticator } from './access/authenticator.ts';
import { createKeyTable } from './access/table.ts';
import { checkHost, urlOf } from './host.ts';
import { createLink } from './link.ts';
import { createGatewayMetrics } from './metrics.ts';
import { createPastLists } from './past-lists.ts';
import { createReadiness, type ReadyAnswer } from './readiness.ts';
import { createSamples } from './samples.ts';
import { createRequestSchemas } from './schemas/requests.ts';
import { createServer } from './server.ts';
import { createSseBuffers } from './sse.ts';
import { createWatching } from './watch.ts';

export interface GatewayEnvironment {
  config: Config;
  natsUrl: string;
  /** 0: any free port. */
  port: number;
  /** Folder of the projections on this machine; left out: earlier lists come from the log alone. */
  data?: string;
  logger?: Logger;
}

export interface RunningGateway {
  /** The URL of the gateway, such as `http://127.0.0.1:8080`. */
  url: string;
  /** Whether the gateway can serve requests, and what is not ready. */
  ready(): Promise<ReadyAnswer>;
  /** Why the gateway is not connected to the log; undefined while it is. */
  trouble(): string | undefined;
  /** Takes no new requests, completes those in flight within `http.stop_ms`, and closes the connection to NATS. */
  stop(): Promise<void>;
}

/**
 * Resolves once the gateway listens, whether or not NATS and the services are up: `ready` and each answer say so.
 * Throws `ConfigInvalidError` if other machines reach the address and the gateway does not always require keys, and
 * `PortInUseError`.
 */
export async function startGateway({
  config,
  natsUrl,
  port,
  data,
  logger: given,
}: GatewayEnvironment): Promise<RunningGateway> {
  checkHost(config);
  const { http, publisher, projection } = config;
  const logger = given ?? createLogger({ service: 'gateway', level: config.log.level, redact: config.log.redact });
  const metrics = createGatewayMetrics();
  const { registry } = metrics;
  const tracing = await openTracing({
    config,
    service: 'gateway',
    instance: `gateway-${process.pid}`,
    logger,
    registry,
  });
  const keys = createKeyTable({ logger, timeoutMs: http.request_timeout_ms, pollMs: http.keys_poll_ms });
  const watching = createWatching();
  const link = createLink({
    url: natsUrl,
    access: accessOf(config),
    logger,
    publisher: {
      window: publisher.window,
      timeoutMs: publisher.timeout_ms,
      retries: publisher.retries,
      ...metrics.publisher,
    },
    codec: createCodec({ declared: config.events.declared, maxEventBytes: config.events.max_bytes }),
    compareWindow: publisher.compare_window,
    backoffMinMs: projection.backoff_min_ms,
    backoffMaxMs: Math.min(projection.backoff_max_ms, 1_000),
    onState: (is) => {
      metrics.connected(is);
      if (!is) return keys.lose();
      const { nc } = link.bus();
      keys.follow(nc);
      watching.follow(nc);
    },
  });
  const authenticator = createAuthenticator({
    mode: http.keys,
    table: keys,
    known: async () => {
      link.bus();
      await link.whileConnected(keys.known());
    },
  });
  // Load balancers see that the gateway is not ready, and send requests elsewhere before it stops.
  let draining = false;
  const ready = async (): Promise<ReadyAnswer> =>
    draining ? { ready: false, waiting: [{ service: 'gateway', state: 'stopping' }], missing: [] } : readiness();
  const readiness = createReadiness({ link, timeoutMs: http.ready_timeout_ms, cacheMs: http.ready_cache_ms });
  const samples = createSamples({
    link,
    everyMs: http.system_sample_ms,
    keepS: http.system_samples_s,
    timeoutMs: http.ready_timeout_ms,
    lists: metrics.lists,
  });
  const pastLists = createPastLists({ config, natsUrl, data, timeoutMs: http.past_timeout_ms });
  let app: FastifyInstance | undefined;
  try {
    app = await createServer({
      config,
      link,
      metrics,
      logger,
      schemas: createRequestSchemas(config),
      ready,
      keys,
      authenticator,
      watching,
      samples,
      pastLists,
      buffers: createSseBuffers(http.streams_buffer_bytes),
      tracing,
    });
    await app.listen({ host: http.host, port });
  } catch (err) {
    await app?.close();
    keys.close();
    await link.close(http.stop_ms);
    await tracing?.close();
    throw (err as NodeJS.ErrnoException).code === 'EADDRINUSE' ? portInUse(port, err) : err;
  }
  samples.start();
  const server = app;
  const url = urlOf(http.host, (server.server.address() as AddressInfo).port);
  logger.info({ url, docs: `${url}/docs` }, 'The gateway listens.');
  let stopping: Promise<void> | undefined;
  return {
    url,
    ready,
    trouble: link.trouble,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };

  async function stop(): Promise<void> {
    if (http.drain_ms > 0) {
      draining = true;
      await new Promise((resolve) => setTimeout(resolve, http.drain_ms));
    }
    await samples.stop();
    await pastLists.stop();
    const deadline = performance.now() + http.stop_ms;
    // Cuts off requests that do not end, so that the operator waits no longer than this.
    const cut = setTimeout(() => server.server.closeAllConnections(), http.stop_ms);
    await server.close();
    clearTimeout(cut);
    keys.close();
    await link.close(Math.max(100, deadline - performance.now()));
    await tracing?.close();
    logger.info('The gateway has stopped.');
  }
}
