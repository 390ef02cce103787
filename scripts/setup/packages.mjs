/** npm's packages, and the two of them that hold native code: better-sqlite3, and TensorFlow when it was installed. */
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

/** 13 is N-API and ships its binaries, but crashes on Node 20; so it only stands in where 12 can't be built. */
const SQLITE_FALLBACK = '13.2.0';

/** What `node_modules` depends on; when it is the same as in the stamp there is nothing to do. */
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

/** Whether the packages are as the last set-up left them: a few milliseconds, nothing is started. */
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
 * What the packages' own install scripts should know of this machine, so that none of them waits for minutes.
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
    log('github.com is not reachable: better-sqlite3 is compiled instead of downloaded');
    // Read by prebuild-install, which otherwise waits for the connection as long as the system lets it.
    env.npm_config_build_from_source = 'true';
  }
  if (!storage && !env.TFJS_NODE_BASE_URI) {
    log("storage.googleapis.com is not reachable: TensorFlow's native library is left out, WASM serves");
    // A port where nobody listens: its install script fails at once, and npm leaves the optional package out.
    env.TFJS_NODE_BASE_URI = 'http://127.0.0.1:9/';
  }
  return env;
};

/** Whether everything that the lock file asks for is there, in that version (optional packages may be missing). */
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
 * Opens a database in a child process: a wrong binary may take the process down with it.
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

/** How to get what compiling needs, by system. */
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
 * @param {boolean} fresh whether npm has installed it just now
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
  // What was compiled a moment ago would be compiled again to the same; what came from the cache deserves a compiler,
  // and so does a binary of another Node.
  if (!fresh || kept) {
    const { npm_config_better_sqlite3_local_prebuilds: _, ...without } = settings;
    try {
      await step('building better-sqlite3 for this Node', () =>
        npm(root, ['rebuild', 'better-sqlite3'], fresh ? without : settings),
      );
      return await checkSqlite(root);
    } catch (err) {
      reason = messageOf(err);
      log(`better-sqlite3 could not be built: ${reason}`);
    }
  }
  if (major >= 22) {
    try {
      const wanted = `better-sqlite3@${SQLITE_FALLBACK}`;
      log(`falling back to ${wanted}, which brings its binary (not saved in package.json)`);
      await step(`installing ${wanted}`, async () =>
        npm(root, ['install', '--no-save', '--ignore-scripts', wanted], settings),
      );
      return await checkSqlite(root);
    } catch (err) {
      reason = messageOf(err);
    }
  }
  throw new SetupError('FRESHET_SETUP_SQLITE', `better-sqlite3 can be neither downloaded nor compiled: ${reason}`, {
    next:
      `Install a compiler: ${compilerAdvice()}. ` +
      (nodeHeaders()
        ? ''
        : `Node's headers are needed as well: allow nodejs.org, or set npm_config_nodedir to a folder that has include/node/node_api.h. `) +
      (major >= 22 ? '' : 'Or use Node 22 or newer, for which a binary comes over npm. ') +
      'Then run this again.',
  });
};

const commandLink = (/** @type {string} */ root) =>
  join(root, 'node_modules/.bin', process.platform === 'win32' ? 'freshet.cmd' : 'freshet');

/** `npx freshet` in the clone: npm links the commands of dependencies, but not a project's own. */
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

/** npm refuses a lock file that does not list every optional package for every platform; `npm install` fills that in. */
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
  // Keeps to the versions in the lock file, and leaves that file as it is.
  let args = locked ? ['install', '--no-save'] : ['install'];
  // `npm ci` empties node_modules first, which would take a natively installed TensorFlow, and whatever runs from
  // there, with it; so only a clean clone gets it.
  if (locked && !existsSync(join(root, 'node_modules'))) {
    try {
      return await attempt(['ci']);
    } catch (err) {
      if (lockIsIncomplete(err)) log('npm ci: the lock file lacks packages for other platforms; npm install takes it');
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
    // One package's script must not keep the others out; the ones that matter are looked after below.
    return await attempt([...args, '--ignore-scripts']);
  } catch (err) {
    throw new SetupError('FRESHET_SETUP_PACKAGES', `npm could not install the packages: ${messageOf(err)}`, {
      next: 'Check that npm reaches its registry (npm ping), then run this again.',
      cause: err,
    });
  }
};

/**
 * Installs what is missing. What is there and right stays untouched.
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
    log("npm took TensorFlow's native library away; putting it back from the cache");
    await restoreTensorflow({ root, reporter }).catch((err) =>
      log(`it could not be put back, WASM serves (again: npx freshet doctor --install tensorflow): ${messageOf(err)}`),
    );
  }
  keepPrebuilt(root, process.env, sqlite.version);
  linkCommand(root);
  writeStamp(root, { sqlite });
};

// Asked only when npm is really needed: the probes cost up to four seconds behind a silent firewall.
const npmEnvironmentOnce = (/** @type {string} */ root, /** @type {import('./report.mjs').Reporter} */ reporter) => {
  /** @type {Promise<NodeJS.ProcessEnv> | undefined} */
  let env;
  return async () => {
    env ??= npmEnvironment(root, reporter);
    return env;
  };
};
