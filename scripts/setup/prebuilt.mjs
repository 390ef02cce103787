/**
 * better-sqlite3's binary, kept in the project's cache after it was compiled (1 to 2 minutes) or downloaded once, in the
 * form in which its own install script looks for binaries: a later clone takes it from there within milliseconds.
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

/** Folder of kept binaries, for the install script's environment. */
export const prebuiltFolder = (/** @type {NodeJS.ProcessEnv} */ env) => join(cacheFolder(env), 'prebuilds');

/** The name is the one that prebuild-install gives to a release's file. */
const prebuiltFile = (/** @type {NodeJS.ProcessEnv} */ env, /** @type {string} */ version) =>
  join(
    prebuiltFolder(env),
    `better-sqlite3-v${version}-node-v${process.versions.modules}-${process.platform}${libc()}-${process.arch}.tar.gz`,
  );

/** Whether the version that the lock file asks for was kept for this Node and system. */
export const hasPrebuilt = (/** @type {string} */ root, /** @type {NodeJS.ProcessEnv} */ env) => {
  try {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    return existsSync(prebuiltFile(env, lock.packages['node_modules/better-sqlite3'].version));
  } catch {
    return false;
  }
};

/** Keeps the installed binary, which has just been seen to work. A cache that can't be written is no reason to fail. */
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
    // Read-only or full: the next clone compiles again.
  }
};
