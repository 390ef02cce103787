/** Starts the gateway: the HTTP door to the log and the services. It holds no state. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { portInUse } from '../observability/health.ts';
import { createLogger } from '../observability/log.ts';
import { createGate } from './access/gate.ts';
import { createKeyTable } from './access/table.ts';
import { checkHost, urlOf } from './host.ts';
import { createLink } from './link.ts';
import { createGatewayMetrics } from './metrics.ts';
import { createReadiness, type ReadyAnswer } from './readiness.ts';
import { createRequestSchemas } from './schemas/requests.ts';
import { createServer } from './server.ts';
import { createWatching } from './watch.ts';

export interface GatewayEnvironment {
  config: Config;
  natsUrl: string;
  /** 0 for any free one. */
  port: number;
  logger?: Logger;
}

export interface RunningGateway {
  /** Where it listens, `http://127.0.0.1:8080`. */
  url: string;
  /** Whether requests would be served, and what isn't ready. */
  ready(): Promise<ReadyAnswer>;
  /** Takes no more, ends what it has within `http.stop_ms`, leaves NATS. */
  stop(): Promise<void>;
}

/**
 * Resolves once it listens; whether NATS and the services are there is told by `ready` and each answer.
 * Throws `ConfigInvalidError` for an address that others reach, and `PortInUseError`.
 */
export async function startGateway({
  config,
  natsUrl,
  port,
  logger: given,
}: GatewayEnvironment): Promise<RunningGateway> {
  checkHost(config);
  const { http, publisher, projection } = config;
  const logger = given ?? createLogger({ service: 'gateway', level: config.log.level, redact: config.log.redact });
  const metrics = createGatewayMetrics();
  const keys = createKeyTable({ logger, timeoutMs: http.request_timeout_ms });
  const watching = createWatching();
  const link = createLink({
    url: natsUrl,
    logger,
    publisher: {
      window: publisher.window,
      timeoutMs: publisher.timeout_ms,
      retries: publisher.retries,
      ...metrics.publisher,
    },
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
  const gate = createGate({
    mode: http.keys,
    table: keys,
    known: async () => {
      link.bus();
      await link.whileConnected(keys.known());
    },
  });
  // Whoever sends requests here is to send them elsewhere before the door closes.
  let draining = false;
  const ready = async (): Promise<ReadyAnswer> =>
    draining ? { ready: false, waiting: [{ service: 'gateway', state: 'stopping' }] } : readiness();
  const readiness = createReadiness({ link, timeoutMs: http.ready_timeout_ms, cacheMs: http.ready_cache_ms });
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
      gate,
      watching,
    });
    await app.listen({ host: http.host, port });
  } catch (err) {
    await app?.close();
    keys.close();
    await link.close(http.stop_ms);
    throw (err as NodeJS.ErrnoException).code === 'EADDRINUSE' ? portInUse(port, err) : err;
  }
  const server = app;
  const url = urlOf(http.host, (server.server.address() as AddressInfo).port);
  logger.info({ url, docs: `${url}/docs` }, 'gateway started');
  let stopping: Promise<void> | undefined;
  return {
    url,
    ready,
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
    const deadline = performance.now() + http.stop_ms;
    // Requests that don't end are cut off: whoever stops a gateway waits for so long and no longer.
    const cut = setTimeout(() => server.server.closeAllConnections(), http.stop_ms);
    await server.close();
    clearTimeout(cut);
    keys.close();
    await link.close(Math.max(100, deadline - performance.now()));
    logger.info('gateway stopped');
  }
}
