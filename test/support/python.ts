/** Packages of Python for tests, in the cache of the project. */
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, stagingFolder } from '../../scripts/setup/cache.mjs';

const INSTALL_MS = 90_000;

/**
 * The environment in which a Python has a package: in the cache, or installed there now. Undefined if the package index
 * has none for this Python.
 *
 * @param program the Python
 * @param wanted such as `nats-py==2.16.0`
 * @param check arguments with which the Python succeeds if it has the package
 */
export function withPackage(program: string, wanted: string, check: readonly string[]): NodeJS.ProcessEnv | undefined {
  const folder = join(cacheFolder(), `python-${wanted}`);
  const env = { ...process.env, PYTHONPATH: folder };
  const has = (): boolean => spawnSync(program, check, { env }).status === 0;
  if (has()) return env;
  const staging = stagingFolder(process.env, 'python');
  const pip = ['-m', 'pip', 'install', '--quiet', '--target', staging, wanted];
  const made = spawnSync(program, pip, { timeout: INSTALL_MS }).status === 0;
  // Where another run was quicker, its folder is as good.
  if (made && !existsSync(folder)) renameSync(staging, folder);
  else rmSync(staging, { recursive: true, force: true });
  return has() ? env : undefined;
}
