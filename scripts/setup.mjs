#!/usr/bin/env node
/**
 * The set-up step: everything that a clone needs to run, got with nothing but Node and npm. Idempotent, and quick when
 * there is nothing to do. `npm start`, `npm test` and `npx freshet` do it by themselves.
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
    `this is Node ${process.version}; ${OLDEST_NODE} or newer is needed`,
    {
      next: 'Install a current Node from https://nodejs.org (or: nvm install --lts), then run this again.',
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
 * Runs `work` while no other process sets up the same clone: two npm in one folder break each other's packages.
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
  for (let told = false; ; ) {
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
    // An empty file is one that is being written just now, unless it has been so for a while.
    if (holder > 0 ? !alive(holder) : age > 5_000) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!told) log(`another set-up of this clone is at work (process ${holder}); waiting for it`);
    told = true;
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
 * Makes the clone ready to run, doing only what is missing.
 *
 * @param {{ quiet?: boolean, natsServer?: boolean, root?: string }} [options] `natsServer`: also find or fetch one.
 * @returns {Promise<{ natsServer?: import('./setup/nats-server.mjs').FoundServer | import('./setup/nats-server.mjs').ExternalServer }>}
 * @throws {SetupError}
 */
export const ensureSetup = async ({ quiet = false, natsServer = false, root = ROOT } = {}) => {
  requireNode();
  const reporter = createReporter({ quiet });
  // Only after the check above: these modules use what an old Node lacks, and would fail with a riddle.
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
    // Quiet as long as it is found on the machine: why other ways were skipped matters only when it has to be fetched.
    return await locateNatsServer({ allowDownload: false });
  } catch (err) {
    if (!(err instanceof SetupError) || err.code !== 'FRESHET_NATS_SERVER_UNAVAILABLE') throw err;
  }
  return step('getting nats-server', (detail) => locateNatsServer({ log, detail }));
};

/**
 * Prints a failed set-up as every command prints its errors.
 *
 * @param {unknown} err
 * @returns {number} exit code
 */
export const reportFailure = (err) => {
  if (err instanceof SetupError) {
    process.stderr.write(`${err.code}: ${err.message}\n`);
    if (err.next) process.stderr.write(`${err.next}\n`);
  } else process.stderr.write(`${err instanceof Error ? (err.stack ?? err.message) : messageOf(err)}\n`);
  return 1;
};

/** Whether the module at `url` is the program that was started, also through a symbolic link. */
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
