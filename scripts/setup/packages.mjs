/** Installs the npm packages, and the two with native code: better-sqlite3, and TensorFlow if the user wants it. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { reachable } from './download.mjs';
import { nodeHeaders, npm } from './npm.mjs';
import { hasPrebuilt, keepPrebuilt, prebuiltFolder } from './prebuilt.mjs';
import { run } from './process.mjs';
import { messageOf, SetupError } from './report.mjs';
import { hasNativeTensorflow, restoreTensorflow, wantsNativeTensorflow } from './tensorflow.mjs';

const STAMP = 'node_modules/.freshet-setup.json';

/** Version 13 uses N-API and ships its binaries, but crashes on Node 20. It serves only if the set-up cannot build 12. */
const SQLITE_FALLBACK = '13.2.0';

/** What `node_modules` depends on. If the stamp holds the same, the packages are current. */
const fingerprint = (/** @type {string} */ root) => {
  const lock = join(root, 'package-lock.json');
  const source = existsSync(lock) ? lock : join(root, 'package.json');
  return {
    lock: createHash('sha256').update(readFileSync(source)).digest('hex'),
    node: process.version,
    abi: process.versions.modules,
    platform: `${process.platform}-${process.arch}`,
  };
};

/** Whether the packages are those of the last set-up. It takes a few milliseconds and starts no process. */
export const packagesCurrent = (/** @type {string} */ root) => {
  let stamp;
  try {
    stamp = JSON.parse(readFileSync(join(root, STAMP), 'utf8'));
  } catch {
    return false;
  }
  const now = fingerprint(root);
  return (
    stamp.lock === now.lock &&
    stamp.abi === now.abi &&
    stamp.node === now.node &&
    stamp.platform === now.platform &&
    existsSync(join(root, 'node_modules/tsx/package.json')) &&
    existsSync(join(root, 'node_modules/better-sqlite3/package.json')) &&
    existsSync(commandLink(root))
  );
};

const writeStamp = (/** @type {string} */ root, /** @type {Record<string, unknown>} */ found) => {
  const file = join(root, STAMP);
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify({ ...fingerprint(root), ...found }, null, 2)}\n`);
  renameSync(`${file}.${process.pid}`, file);
};

/**
 * The environment for the install scripts of packages, so that none of them waits for minutes at a firewall.
 *
 * @param {string} root
 * @param {import('./report.mjs').Reporter} reporter
 */
const npmEnvironment = async (root, { log }) => {
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env };
  const headers = nodeHeaders();
  if (headers && !env.npm_config_nodedir) env.npm_config_nodedir = headers;
  const [github, storage] = await Promise.all([
    reachable('github.com', { env }),
    reachable('storage.googleapis.com', { env }),
  ]);
  if (hasPrebuilt(root, env)) env.npm_config_better_sqlite3_local_prebuilds = prebuiltFolder(env);
  else if (!github && !env.npm_config_build_from_source) {
    log('github.com is not reachable: npm compiles better-sqlite3 instead of downloading it');
    // prebuild-install reads it. Otherwise it waits for a connection as long as the system allows.
    env.npm_config_build_from_source = 'true';
  }
  if (!storage && !env.TFJS_NODE_BASE_URI) {
    log("storage.googleapis.com is not reachable: npm skips TensorFlow's native library, and training uses WASM");
    // No server listens on this port: the install script fails at once, and npm skips the optional package.
    env.TFJS_NODE_BASE_URI = 'http://127.0.0.1:9/';
  }
  return env;
};

/** Whether all packages of the lock file are installed in its versions. Optional packages may be missing. */
const matchesLock = (/** @type {string} */ root) => {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    const there = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(
      ([path, entry]) =>
        path === '' ||
        entry.optional ||
        entry.devOptional ||
        there[path]?.version === entry.version ||
        (path === 'node_modules/better-sqlite3' && there[path]?.version === SQLITE_FALLBACK),
    );
  } catch {
    return false;
  }
};

const SQLITE_CHECK = `
  const Database = require('better-sqlite3');
  const db = new Database(':memory:');
  const { v } = db.prepare('SELECT sqlite_version() AS v').get();
  console.log(JSON.stringify({ version: require('better-sqlite3/package.json').version, sqlite: v }));
`;

/**
 * Opens a database in a child process, because a wrong binary may crash the process.
 *
 * @param {string} root
 * @returns {Promise<{ version: string, sqlite: string }>}
 */
export const checkSqlite = async (root) => {
  const { stdout } = await run(process.execPath, ['-e', SQLITE_CHECK], {
    cwd: root,
    timeoutMs: 20_000,
    timeoutName: 'fixed',
  });
  return JSON.parse(stdout);
};

const major = Number(process.versions.node.split('.')[0]);

/** The command that installs a compiler on this system. */
const compilerAdvice = () =>
  process.platform === 'darwin'
    ? 'xcode-select --install'
    : process.platform === 'win32'
      ? 'winget install Microsoft.VisualStudio.2022.BuildTools Python.Python.3.12'
      : 'apt-get install -y g++ make python3 (Debian, Ubuntu) or apk add g++ make python3 (Alpine)';

/**
 * @param {string} root
 * @param {() => Promise<NodeJS.ProcessEnv>} env
 * @param {import('./report.mjs').Reporter} reporter
 * @param {boolean} fresh whether npm has just installed it
 */
const ensureSqlite = async (root, env, { log, step }, fresh) => {
  let reason;
  try {
    return await checkSqlite(root);
  } catch (err) {
    reason = messageOf(err);
    log(`better-sqlite3 does not work yet: ${reason}`);
  }
  const settings = await env();
  const kept = settings.npm_config_better_sqlite3_local_prebuilds !== undefined;
  // Compiling again what npm has just compiled would not help. Compiling helps for a binary from the cache, or of another
  // Node.
  if (!fresh || kept) {
    const { npm_config_better_sqlite3_local_prebuilds: _, ...without } = settings;
    try {
      await step('building better-sqlite3 for this Node', () =>
        npm(root, ['rebuild', 'better-sqlite3'], fresh ? without : settings),
      );
      return await checkSqlite(root);
    } catch (err) {
      reason = messageOf(err);
      log(`npm could not build better-sqlite3: ${reason}`);
    }
  }
  if (major >= 22) {
    try {
      const wanted = `better-sqlite3@${SQLITE_FALLBACK}`;
      log(`using ${wanted} instead, which includes a binary (package.json does not change)`);
      await step(`installing ${wanted}`, async () =>
        npm(root, ['install', '--no-save', '--ignore-scripts', wanted], settings),
      );
      return await checkSqlite(root);
    } catch (err) {
      reason = messageOf(err);
    }
  }
  throw new SetupError('FRESHET_SETUP_SQLITE', `npm could neither download nor compile better-sqlite3: ${reason}`, {
    next:
      `Install a compiler: ${compilerAdvice()}. ` +
      (nodeHeaders()
        ? ''
        : `Compiling also needs Node's headers: allow access to nodejs.org, or set npm_config_nodedir to a folder with include/node/node_api.h. `) +
      (major >= 22 ? '' : 'Or use Node 22 or newer, for which npm has a binary. ') +
      'Then run this command again.',
  });
};

const commandLink = (/** @type {string} */ root) =>
  join(root, 'node_modules/.bin', process.platform === 'win32' ? 'freshet.cmd' : 'freshet');

/** Makes `npx freshet` work in the clone: npm links the commands of dependencies, but not those of the project itself. */
const linkCommand = (/** @type {string} */ root) => {
  const link = commandLink(root);
  mkdirSync(dirname(link), { recursive: true });
  if (process.platform === 'win32') {
    writeFileSync(link, '@node "%~dp0\\..\\..\\bin\\freshet.mjs" %*\r\n');
    return;
  }
  const target = '../../bin/freshet.mjs';
  const there = lstatSync(link, { throwIfNoEntry: false });
  if (there?.isSymbolicLink() && readlinkSync(link) === target) return;
  rmSync(link, { force: true });
  symlinkSync(target, link);
  if (existsSync(join(root, 'bin/freshet.mjs'))) chmodSync(join(root, 'bin/freshet.mjs'), 0o755);
};

/** Whether `npm ci` refused a lock file that lacks optional packages of other platforms. `npm install` accepts it. */
const lockIsIncomplete = (/** @type {unknown} */ err) =>
  /code EUSAGE/.test(String(/** @type {{ output?: string }} */ (err).output));

/**
 * @param {string} root
 * @param {() => Promise<NodeJS.ProcessEnv>} env
 * @param {import('./report.mjs').Reporter} reporter
 */
const installPackages = async (root, env, { log, step }) => {
  const locked = existsSync(join(root, 'package-lock.json'));
  const attempt = (/** @type {string[]} */ args) =>
    step(`installing packages (npm ${args.join(' ')})`, async () => npm(root, args, await env()));
  // Uses the versions of the lock file, and does not change it.
  let args = locked ? ['install', '--no-save'] : ['install'];
  // `npm ci` deletes node_modules first, with an installed TensorFlow and the files of running processes. So it runs only
  // in a new clone.
  if (locked && !existsSync(join(root, 'node_modules'))) {
    try {
      return await attempt(['ci']);
    } catch (err) {
      if (lockIsIncomplete(err)) log('npm ci: the lock file lacks packages of other platforms; npm install accepts it');
      else {
        log(`npm ci failed: ${messageOf(err)}`);
        args = ['ci'];
      }
    }
  }
  try {
    if (args[0] === 'install') return await attempt(args);
  } catch (err) {
    log(`npm ${args.join(' ')} failed: ${messageOf(err)}`);
  }
  try {
    // The script of one package must not prevent the others. The set-up handles the important scripts below.
    return await attempt([...args, '--ignore-scripts']);
  } catch (err) {
    throw new SetupError('FRESHET_SETUP_PACKAGES', `npm could not install the packages: ${messageOf(err)}`, {
      next: 'Check that npm reaches its registry (npm ping), then run this command again.',
      cause: err,
    });
  }
};

/**
 * Installs the missing packages, and does not touch the others.
 *
 * @param {string} root
 * @param {import('./report.mjs').Reporter} reporter
 */
export const ensurePackages = async (root, reporter) => {
  const { log } = reporter;
  const env = npmEnvironmentOnce(root, reporter);
  const fresh = !matchesLock(root);
  if (fresh) await installPackages(root, env, reporter);
  const sqlite = await ensureSqlite(root, env, reporter, fresh);
  log(`better-sqlite3 ${sqlite.version} (SQLite ${sqlite.sqlite})`);
  if (wantsNativeTensorflow(root) && !hasNativeTensorflow(root)) {
    log("npm removed TensorFlow's native library; restoring it from the cache");
    await restoreTensorflow({ root, reporter }).catch((err) =>
      log(
        `the set-up could not restore it, so training uses WASM: ${messageOf(err)}. Next: npx freshet doctor --install tensorflow`,
      ),
    );
  }
  keepPrebuilt(root, process.env, sqlite.version);
  linkCommand(root);
  writeStamp(root, { sqlite });
};

// Computed only if npm runs, because the probes take up to four seconds behind a firewall.
const npmEnvironmentOnce = (/** @type {string} */ root, /** @type {import('./report.mjs').Reporter} */ reporter) => {
  /** @type {Promise<NodeJS.ProcessEnv> | undefined} */
  let env;
  return async () => {
    env ??= npmEnvironment(root, reporter);
    return env;
  };
};
