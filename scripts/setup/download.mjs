/** Downloads with separate time limits: a connection must fail fast behind a firewall, a large file may take long. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createConnection } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { limitFrom, onPath, run } from './process.mjs';
import { messageOf, SetupError } from './report.mjs';

/** Milliseconds until the first byte of an answer. */
export const connectLimit = (/** @type {NodeJS.ProcessEnv} */ env) =>
  limitFrom(env, 'FRESHET_SETUP_CONNECT_TIMEOUT_MS', 8_000);

/** Milliseconds for one whole download, or one run of pip, go or apt. */
export const downloadLimit = (/** @type {NodeJS.ProcessEnv} */ env) =>
  limitFrom(env, 'FRESHET_SETUP_TIMEOUT_MS', 300_000);

const proxyOf = (/** @type {NodeJS.ProcessEnv} */ env) =>
  env.HTTPS_PROXY ?? env.https_proxy ?? env.ALL_PROXY ?? env.all_proxy;

const isLoopback = (/** @type {string} */ url) => /^https?:\/\/(127\.|localhost|\[::1\])/.test(url);

/**
 * Downloads a file over HTTP into memory.
 *
 * @param {string} url
 * @param {{ env: NodeJS.ProcessEnv, detail?: (text: string) => void }} options
 * @returns {Promise<Buffer>}
 */
export const download = async (url, { env, detail = () => {} }) => {
  if (proxyOf(env) && !isLoopback(url)) return downloadByCurl(url, env);
  const abort = new AbortController();
  const connecting = setTimeout(
    () => abort.abort(new Error(`no answer within ${connectLimit(env)} ms (FRESHET_SETUP_CONNECT_TIMEOUT_MS)`)),
    connectLimit(env),
  );
  const whole = setTimeout(
    () => abort.abort(new Error(`not finished after ${downloadLimit(env)} ms (FRESHET_SETUP_TIMEOUT_MS)`)),
    downloadLimit(env),
  );
  try {
    const answer = await fetch(url, { signal: abort.signal, redirect: 'follow' });
    clearTimeout(connecting);
    if (!answer.ok || !answer.body) throw new Error(`HTTP ${answer.status}`);
    const total = Number(answer.headers.get('content-length')) || undefined;
    const chunks = [];
    let bytes = 0;
    for await (const chunk of answer.body) {
      chunks.push(chunk);
      bytes += chunk.length;
      detail(total ? `${((100 * bytes) / total).toFixed(0)} % of ${(total / 1e6).toFixed(1)} MB` : `${bytes} bytes`);
    }
    return Buffer.concat(chunks);
  } catch (err) {
    // The message of fetch is only "fetch failed". Its cause names the reason (name, route, certificate).
    const cause = err instanceof Error && err.cause ? messageOf(err.cause) : '';
    throw new Error(`${messageOf(abort.signal.aborted ? abort.signal.reason : err)}${cause ? ` (${cause})` : ''}`);
  } finally {
    clearTimeout(connecting);
    clearTimeout(whole);
  }
};

// Before Node 24, fetch does not use proxies. curl does.
const downloadByCurl = async (/** @type {string} */ url, /** @type {NodeJS.ProcessEnv} */ env) => {
  const curl = onPath('curl', env);
  if (!curl) throw new Error('a proxy is configured, and a download through it needs curl, which is not on PATH');
  const { mkdtemp, readFile, rm } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  const folder = await mkdtemp(join(tmpdir(), 'freshet-'));
  const seconds = String(Math.ceil(connectLimit(env) / 1000));
  try {
    const args = ['-fsSL', '--connect-timeout', seconds, '-o', join(folder, 'file'), url];
    await run(curl, args, { env, timeoutMs: downloadLimit(env), timeoutName: 'FRESHET_SETUP_TIMEOUT_MS' });
    return await readFile(join(folder, 'file'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/**
 * Whether a host is reachable. The set-up checks it before it runs programs that would wait for minutes at a firewall.
 *
 * @param {string} host
 * @param {{ env: NodeJS.ProcessEnv, port?: number }} options
 * @returns {Promise<boolean>}
 */
export const reachable = (host, { env, port = 443 }) => {
  // Behind a proxy, only the programs themselves can find out.
  if (proxyOf(env)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: Math.min(4_000, connectLimit(env)) });
    const done = (/** @type {boolean} */ answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('timeout', () => done(false));
    socket.once('error', () => done(false));
  });
};

/** @param {Buffer} bytes */
export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** @param {string} path */
export const sha256OfFile = async (path) => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
};

/**
 * Throws if a file does not match its checksum. No caller catches this to try another source: the user must learn of a
 * manipulated download.
 *
 * @param {string} what
 * @param {string} found hex
 * @param {string} expected hex
 * @param {string} by the origin of the expected checksum
 */
export const requireChecksum = (what, found, expected, by) => {
  if (found === expected) return;
  throw new SetupError(
    'FRESHET_CHECKSUM_MISMATCH',
    `${what} has SHA-256 ${found}, and ${by} is ${expected}. The set-up does not use the file.`,
    {
      next: 'Find out whether a proxy or a mirror changes downloads, then run this command again.',
      details: { what, found, expected, by },
    },
  );
};
