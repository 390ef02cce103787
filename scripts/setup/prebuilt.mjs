/**
 * Keeps the binary of better-sqlite3 in the cache of the project, after npm has compiled it (1 to 2 minutes) or downloaded
 * it once, in the form that its install script reads. A later clone uses it within milliseconds.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeTarGz } from './archive.mjs';
import { cacheFolder } from './cache.mjs';

const BINARY = 'build/Release/better_sqlite3.node';

const libc = () => {
  if (process.platform !== 'linux') return '';
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return header.glibcVersionRuntime ? '' : 'musl';
};

/** Folder of the binaries, for the environment of the install script. */
export const prebuiltFolder = (/** @type {NodeJS.ProcessEnv} */ env) => join(cacheFolder(env), 'prebuilds');

/** The path of a binary, with the name that prebuild-install expects. */
const prebuiltFile = (/** @type {NodeJS.ProcessEnv} */ env, /** @type {string} */ version) =>
  join(
    prebuiltFolder(env),
    `better-sqlite3-v${version}-node-v${process.versions.modules}-${process.platform}${libc()}-${process.arch}.tar.gz`,
  );

/** Whether the cache has the version of the lock file for this Node and system. */
export const hasPrebuilt = (/** @type {string} */ root, /** @type {NodeJS.ProcessEnv} */ env) => {
  try {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    return existsSync(prebuiltFile(env, lock.packages['node_modules/better-sqlite3'].version));
  } catch {
    return false;
  }
};

/** Copies the installed binary, which works, to the cache. Ignores a cache that is not writable. */
export const keepPrebuilt = (
  /** @type {string} */ root,
  /** @type {NodeJS.ProcessEnv} */ env,
  /** @type {string} */ version,
) => {
  const binary = join(root, 'node_modules/better-sqlite3', BINARY);
  const file = prebuiltFile(env, version);
  if (existsSync(file) || !existsSync(binary)) return;
  try {
    mkdirSync(prebuiltFolder(env), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, writeTarGz(BINARY, readFileSync(binary)));
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // The cache is read-only or full, so the next clone compiles again.
  }
};
