/**
 * `/console/`: a web page that shows what people get and why, and how the system does. It calls the gateway like any other
 * client. All its addresses are relative, so it works under any path of a proxy.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CONSOLE_FILES, ensureConsole } from '../../../scripts/setup/console.mjs';
import { ROOT } from '../../../scripts/setup.mjs';
import { messageOf, ServiceUnavailableError } from '../../errors.ts';

/** No inline script and no inline style; the page talks to its own gateway alone. */
export const CONSOLE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const MEDIA: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

interface File {
  media: string;
  etag: string;
  plain: Buffer;
  zipped: Buffer;
}

async function readFiles(): Promise<Map<string, File>> {
  const folder = await ensureConsole(ROOT);
  const files = new Map<string, File>();
  for (const name of CONSOLE_FILES) {
    const plain = readFileSync(join(folder, name));
    files.set(name, {
      media: MEDIA[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
      etag: createHash('sha256').update(plain).digest('base64url').slice(0, 22),
      plain,
      zipped: await promisify(gzip)(plain, { level: 9 }),
    });
  }
  return files;
}

export function consoleRoutes(app: FastifyInstance): void {
  let files: Promise<Map<string, File>> | undefined;

  async function fileOf(name: string): Promise<File> {
    files ??= readFiles();
    const reading = files;
    try {
      return (await reading).get(name) as File;
    } catch (err) {
      // The next request tries again, because the operator may have repaired it.
      if (files === reading) files = undefined;
      throw new ServiceUnavailableError(`The gateway cannot make its console: ${messageOf(err)}`, {
        cause: err,
        next: 'let the gateway write to node_modules/.cache of its clone, then load the page again',
      });
    }
  }

  async function send(name: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { media, etag, plain, zipped } = await fileOf(name);
    const zip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    const tag = `"${etag}${zip ? '-gzip' : ''}"`;
    reply
      .header('content-security-policy', CONSOLE_POLICY)
      .header('referrer-policy', 'no-referrer')
      // The browser keeps the file, and asks each time whether it is still the current one.
      .header('cache-control', 'no-cache')
      .header('vary', 'Accept-Encoding')
      .header('etag', tag);
    if (holds(request.headers['if-none-match'], tag)) return reply.code(304).send();
    if (zip) reply.header('content-encoding', 'gzip');
    return reply.type(media).send(zip ? zipped : plain);
  }

  // The page has relative addresses only under an address that ends in a slash.
  app.get('/console', { schema: { hide: true } }, (_request, reply) => reply.redirect('console/'));
  app.get('/console/', { schema: { hide: true } }, (request, reply) => send('index.html', request, reply));
  for (const name of CONSOLE_FILES)
    app.get(`/console/${name}`, { schema: { hide: true } }, (request, reply) => send(name, request, reply));
}

/** Whether a list of entity tags names this one (RFC 9110, section 13.1.2). */
const holds = (tags: string | undefined, tag: string): boolean =>
  tags !== undefined && (tags.trim() === '*' || tags.split(',').some((one) => one.trim().replace(/^W\//, '') === tag));
