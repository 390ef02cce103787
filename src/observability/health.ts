/** The HTTP port of a service for operators: `/healthz` (checks nothing), `/readyz`, `/metrics`. */
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { PortInUseError } from '../errors.ts';

export interface HealthOptions {
  host: string;
  /** 0: any free port. */
  port: number;
  registry: Registry;
  /** Called before each scrape, to set gauges. */
  refresh?: () => void | Promise<void>;
  ready: () => { ready: boolean; detail: Record<string, unknown> };
}

export interface HealthServer {
  url: string;
  close(): Promise<void>;
}

/** Throws `PortInUseError`. */
export async function serveHealth({ host, port, registry, refresh, ready }: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type }).end(body);
    };
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        return answer(200, 'application/json', '{"status":"ok"}\n');
      case '/readyz': {
        const state = ready();
        return answer(
          state.ready ? 200 : 503,
          'application/json',
          `${JSON.stringify({ ready: state.ready, ...state.detail })}\n`,
        );
      }
      case '/metrics':
        void Promise.resolve(refresh?.())
          .then(() => registry.metrics())
          .then((text) => answer(200, registry.contentType, text))
          .catch((err: unknown) => answer(500, 'text/plain', String(err)));
        return;
      default:
        return answer(404, 'text/plain', 'This port serves /healthz, /readyz and /metrics.\n');
    }
  });
  await listen(server, host, port);
  const address = server.address();
  const bound = typeof address === 'object' && address ? address.port : port;
  return {
    url: `http://${host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Starts to listen; throws `PortInUseError`. */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (err: NodeJS.ErrnoException) =>
      reject(err.code === 'EADDRINUSE' ? portInUse(port, err) : err),
    );
    server.listen(port, host, resolve);
  });
}

export const portInUse = (port: number, cause?: unknown): PortInUseError =>
  new PortInUseError(`Port ${port} is in use.`, {
    next: 'freshet up --http-port 0 --nats-port 0',
    details: { port },
    cause,
  });
