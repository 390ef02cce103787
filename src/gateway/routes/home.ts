/** `/`: says what this is, for somebody who opens the address of the gateway in a browser. */
import type { FastifyInstance } from 'fastify';
import { VERSION } from '../../version.ts';
import { prefixOf } from '../prefix.ts';

/** The page loads nothing and runs nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'self'; frame-ancestors 'none'";

const LINKS: readonly (readonly [address: string, text: string])[] = [
  ['console/', 'Console: what users get and why, and how the system does'],
  ['docs/', 'Try the calls in a page'],
  ['openapi.json', 'OpenAPI 3.1 document'],
  ['readyz', 'Whether the system is ready, and what is not'],
  ['metrics', 'Metrics for Prometheus'],
];

/** @param prefix the path under which a proxy serves the gateway; empty without one */
const page = (prefix: string): string => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Freshet</title>${prefix === '' ? '' : `\n<base href="${prefix}/">`}
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color:#222;background:#fff}a{color:#1d4e5f}</style>
</head>
<body>
<h1>Freshet</h1>
<p>This is the HTTP gateway of Freshet ${VERSION}, a recommender system on an event log. Applications publish events to
<code>v1/events</code>, and request lists such as <code>v1/users/USER/recommendations</code>.</p>
<ul>
${LINKS.map(([address, text]) => `<li><a href="${address}">${text}</a></li>`).join('\n')}
</ul>
</body>
</html>
`;

export function homeRoute(app: FastifyInstance): void {
  app.get('/', { schema: { hide: true } }, (request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', POLICY)
      .header('vary', 'X-Forwarded-Prefix')
      .send(page(prefixOf(request))),
  );
}
