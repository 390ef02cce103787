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
import { headersRelease, isOwnRelease, nodeHeaders, npm } from './npm.mjs';
import { hasPrebuilt, keepPrebuilt, prebuiltFolder } from './prebuilt.mjs';
import { run } from './process.mjs';
import { messageOf, SetupError } from './report.mjs';
import { hasNativeTensorflow, restoreTensorflow, wantsNativeTensorflow } from './tensorflow.mjs';

const major = Number(process.versions.node.split('.')[0]);

const STAMP = 'node_modules/.freshet-setup.json';

/**
 * Version 13 uses N-API and includes its binaries, but it crashes on Node 20, 22.9 and 22.11. It serves where the binary
 * of the version in the lock file cannot be downloaded: to compile that takes one to two minutes.
 */
const SQLITE_WITH_BINARY = '13.2.0';
const INCLUDES_BINARY_FROM = 22;

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
 * How npm installs the packages.
 *
 * @typedef {object} Plan
 * @property {NodeJS.ProcessEnv} env for the install scripts, so that none of them waits for minutes at a firewall
 * @property {string | undefined} sqlite version of better-sqlite3 instead of the one in the lock file
 */

/**
 * @param {string} root
 * @param {import('./report.mjs').Reporter} reporter
 * @returns {Promise<Plan>}
 */
const planInstall = async (root, { log }) => {
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env };
  useOwnHeaders(env, log);
  const [github, storage] = await Promise.all([
    reachable('github.com', { env }),
    reachable('storage.googleapis.com', { env }),
  ]);
  let sqlite;
  if (hasPrebuilt(root, env)) env.npm_config_better_sqlite3_local_prebuilds = prebuiltFolder(env);
  else if (!github && !env.npm_config_build_from_source) {
    // prebuild-install reads it. Otherwise it waits for a connection as long as the system allows.
    env.npm_config_build_from_source = 'true';
    if (major >= INCLUDES_BINARY_FROM) sqlite = SQLITE_WITH_BINARY;
    log(
      sqlite
        ? `github.com is not reachable: npm installs better-sqlite3 ${sqlite}, which includes a binary`
        : 'github.com is not reachable: npm compiles better-sqlite3 instead of downloading it',
    );
  }
  if (!storage && !env.TFJS_NODE_BASE_URI) {
    log("storage.googleapis.com is not reachable: npm skips TensorFlow's native library, and training uses WASM");
    // No server listens on this port: the install script fails at once, and npm skips the optional package.
    env.TFJS_NODE_BASE_URI = 'http://127.0.0.1:9/';
  }
  return { env, sqlite };
};

/**
 * Lets npm compile against the headers of this Node. A folder of another release, which npm or the user names, gives a
 * binary that this Node does not load, after minutes.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} log
 */
export const useOwnHeaders = (env, log) => {
  const named = env.npm_config_nodedir;
  const release = named ? headersRelease(named) : undefined;
  if (isOwnRelease(release)) return;
  if (named)
    log(
      `npm_config_nodedir is ${named}, which has ${release ? `headers of Node ${release}` : 'no headers of Node'}: the set-up leaves it out`,
    );
  const own = nodeHeaders();
  if (own) env.npm_config_nodedir = own;
  else delete env.npm_config_nodedir;
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
        (path === 'node_modules/better-sqlite3' && there[path]?.version === SQLITE_WITH_BINARY),
    );
  } catch {
    return false;
  }
};

const SQLITE_CHECK = `
  const { mkdtempSync, rmSync } = require('node:fs');
  const { join } = require('node:path');
  const Database = require('better-sqlite3');
  const folder = mkdtempSync(join(require('node:os').tmpdir(), 'freshet-sqlite-'));
  const db = new Database(join(folder, 'try.sqlite'));
  db.exec('CREATE TABLE t (n INTEGER)');
  db.prepare('INSERT INTO t VALUES (?)').run(7);
  const { n, v } = db.prepare('SELECT n, sqlite_version() AS v FROM t').get();
  db.close();
  rmSync(folder, { recursive: true });
  if (n !== 7) throw new Error('it did not read what it wrote');
  console.log(JSON.stringify({ version: require('better-sqlite3/package.json').version, sqlite: v }));
`;

/**
 * Writes a database in a child process, because a wrong binary may crash the process, some at its end.
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

/** The command that installs a compiler on this system. */
const compilerAdvice = () =>
  process.platform === 'darwin'
    ? 'xcode-select --install'
    : process.platform === 'win32'
      ? 'winget install Microsoft.VisualStudio.2022.BuildTools Python.Python.3.12'
      : 'apt-get install -y g++ make python3 (Debian, Ubuntu) or apk add g++ make python3 (Alpine)';

/**
 * @param {string} root
 * @param {() => Promise<Plan>} plan
 * @param {import('./report.mjs').Reporter} reporter
 * @param {boolean} fresh whether npm has just installed it
 */
const ensureSqlite = async (root, plan, { log, step }, fresh) => {
  let reason;
  try {
    return await checkSqlite(root);
  } catch (err) {
    reason = messageOf(err);
    log(`better-sqlite3 does not work yet: ${reason}`);
  }
  const { env, sqlite: included } = await plan();
  const kept = env.npm_config_better_sqlite3_local_prebuilds !== undefined;
  /** @type {[what: string, args: string[], env: NodeJS.ProcessEnv][]} */
  const ways = [];
  const withBinary = `better-sqlite3@${SQLITE_WITH_BINARY}`;
  const include = /** @type {typeof ways[number]} */ ([
    `installing ${withBinary}, which includes a binary`,
    ['install', '--no-save', '--ignore-scripts', withBinary],
    env,
  ]);
  if (included && !fresh) ways.push(include);
  // Compiling again what npm has just compiled would not help. Compiling helps for a binary from the cache, of another
  // Node, or one that was included and crashes.
  if (!fresh || kept || included) {
    const { npm_config_better_sqlite3_local_prebuilds: _, ...without } = env;
    const args = included ? ['install', '--no-save', 'better-sqlite3'] : ['rebuild', 'better-sqlite3'];
    ways.push(['building better-sqlite3 for this Node', args, fresh ? without : env]);
  }
  if (!included && major >= INCLUDES_BINARY_FROM) ways.push(include);
  for (const [what, args, settings] of ways) {
    try {
      await step(what, () => npm(root, args, settings));
      return await checkSqlite(root);
    } catch (err) {
      reason = messageOf(err);
      log(`${what} failed: ${reason}`);
    }
  }
  throw new SetupError('FRESHET_SETUP_SQLITE', `npm could neither download nor compile better-sqlite3: ${reason}`, {
    next:
      `Install a compiler: ${compilerAdvice()}. ` +
      (nodeHeaders()
        ? ''
        : `Compiling also needs Node's headers: allow access to nodejs.org, or set npm_config_nodedir to a folder with include/node/node_api.h. `) +
      (major >= INCLUDES_BINARY_FROM
        ? ''
        : `Or use Node ${INCLUDES_BINARY_FROM} or newer, for which npm has a binary. `) +
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
 * @param {() => Promise<Plan>} plan
 * @param {import('./report.mjs').Reporter} reporter
 */
const installPackages = async (root, plan, { log, step }) => {
  const locked = existsSync(join(root, 'package-lock.json'));
  const { env, sqlite } = await plan();
  const attempt = (/** @type {string[]} */ args) =>
    step(`installing packages (npm ${args.join(' ')})`, () => npm(root, args, env));
  // Uses the versions of the lock file, and does not change it.
  let args = locked ? ['install', '--no-save'] : ['install'];
  if (sqlite) args = ['install', '--no-save', `better-sqlite3@${sqlite}`];
  // `npm ci` deletes node_modules first, with an installed TensorFlow and the files of running processes. So it runs only
  // in a new clone.
  else if (locked && !existsSync(join(root, 'node_modules'))) {
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
  const plan = planOnce(root, reporter);
  const fresh = !matchesLock(root);
  if (fresh) await installPackages(root, plan, reporter);
  const sqlite = await ensureSqlite(root, plan, reporter, fresh);
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
const planOnce = (/** @type {string} */ root, /** @type {import('./report.mjs').Reporter} */ reporter) => {
  /** @type {Promise<Plan> | undefined} */
  let plan;
  return async () => {
    plan ??= planInstall(root, reporter);
    return plan;
  };
};
