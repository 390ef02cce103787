/** A proxy that serves the gateway below a path, as nginx or Caddy do, and names the path in X-Forwarded-Prefix. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PrefixProxy {
  /** Address of the proxy, without the path. */
  url: string;
  close(): Promise<void>;
}

/** @param prefix path such as `/shop/freshet`; everything else is unknown */
export async function startPrefixProxy(prefix: string, target: string): Promise<PrefixProxy> {
  const server = createServer((incoming, outgoing) => {
    const { url = '', method, headers } = incoming;
    const rest = url.slice(prefix.length);
    if (!url.startsWith(prefix) || !/^(\/|$)/.test(rest)) {
      outgoing.writeHead(404).end();
      return;
    }
    const upstream = request(target + (rest === '' ? '/' : rest), {
      method,
      headers: { ...headers, 'x-forwarded-prefix': prefix },
    });
    upstream.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
