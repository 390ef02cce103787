#!/usr/bin/env node
/**
 * The set-up: installs everything that a clone needs, with only Node and npm. It is idempotent, and fast if nothing is
 * missing. `npm start`, `npm test` and `npx freshet` run it first.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createReporter, messageOf, SetupError } from './setup/report.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = 20;

const requireNode = () => {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_NODE) return;
  throw new SetupError(
    'FRESHET_SETUP_NODE_TOO_OLD',
    `Freshet needs Node ${OLDEST_NODE} or newer. This is Node ${process.version}.`,
    {
      next: 'Install a current Node from https://nodejs.org (or: nvm install --lts), then run this command again.',
    },
  );
};

const alive = (/** @type {number} */ pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return /** @type {NodeJS.ErrnoException} */ (err).code === 'EPERM';
  }
};

/**
 * Runs `work` while no other process sets up the same clone, because two npm processes in one folder break each other's
 * packages.
 *
 * @template T
 * @param {string} root
 * @param {(line: string) => void} log
 * @param {() => Promise<T>} work
 */
export const exclusively = async (root, log, work) => {
  const folder = join(root, '.cache');
  const lock = join(folder, 'setup.lock');
  mkdirSync(folder, { recursive: true });
  for (let logged = false; ; ) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (err) {
      if (/** @type {NodeJS.ErrnoException} */ (err).code !== 'EEXIST') throw err;
    }
    let holder = 0;
    let age = 0;
    try {
      holder = Number(readFileSync(lock, 'utf8'));
      age = Date.now() - statSync(lock).mtimeMs;
    } catch {
      continue;
    }
    // Another process has just created an empty file, unless it is old.
    if (holder > 0 ? !alive(holder) : age > 5_000) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!logged) log(`waiting for another set-up of this clone (process ${holder})`);
    logged = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
};

/**
 * Installs what the clone lacks.
 *
 * @param {{ quiet?: boolean, natsServer?: boolean, root?: string }} [options] `natsServer`: also find or download one.
 * @returns {Promise<{ natsServer?: import('./setup/nats-server.mjs').FoundServer | import('./setup/nats-server.mjs').ExternalServer }>}
 * @throws {SetupError}
 */
export const ensureSetup = async ({ quiet = false, natsServer = false, root = ROOT } = {}) => {
  requireNode();
  const reporter = createReporter({ quiet });
  // Imported after the check above, because these modules fail on an old Node with a confusing error.
  const { ensurePackages, packagesCurrent } = await import('./setup/packages.mjs');
  if (!packagesCurrent(root))
    await exclusively(root, reporter.log, async () => {
      if (!packagesCurrent(root)) await ensurePackages(root, reporter);
    });
  if (!natsServer) return {};
  return { natsServer: await ensureNatsServer(reporter) };
};

const ensureNatsServer = async (/** @type {import('./setup/report.mjs').Reporter} */ { log, step }) => {
  const { locateNatsServer } = await import('./setup/nats-server.mjs');
  try {
    // Logs nothing if the machine has one. The reasons for skipped sources matter only for a download.
    return await locateNatsServer({ allowDownload: false });
  } catch (err) {
    if (!(err instanceof SetupError) || err.code !== 'FRESHET_NATS_SERVER_UNAVAILABLE') throw err;
  }
  return step('getting nats-server', (detail) => locateNatsServer({ log, detail }));
};

/**
 * Prints the error of a failed set-up in the form of all commands.
 *
 * @param {unknown} err
 * @returns {number} exit code
 */
export const reportFailure = (err) => {
  if (err instanceof SetupError) {
    process.stderr.write(`${err.code}: ${err.message}\n`);
    if (err.next) process.stderr.write(`Next: ${err.next}\n`);
  } else process.stderr.write(`${err instanceof Error ? (err.stack ?? err.message) : messageOf(err)}\n`);
  return 1;
};

/** Whether the module at `url` is the started program, also through a symbolic link. */
export const isMain = (/** @type {string} */ url) =>
  Boolean(process.argv[1]) && existsSync(process.argv[1]) && realpathSync(process.argv[1]) === fileURLToPath(url);

if (isMain(import.meta.url)) {
  try {
    const { natsServer } = await ensureSetup({ natsServer: true });
    const server =
      natsServer && 'path' in natsServer ? `nats-server ${natsServer.version}, ${natsServer.path}` : natsServer?.url;
    process.stderr.write(`ready: Node ${process.version}, ${server}\n`);
  } catch (err) {
    process.exitCode = reportFailure(err);
  }
}
