/** Finds npm and the headers of Node, which the set-up needs to install packages and compile native code. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { limitFrom, onPath, run } from './process.mjs';
import { SetupError } from './report.mjs';

/** npm as a program and its first arguments: the npm that runs this process, the one of Node, or the one on PATH. */
const npmCommand = () => {
  const beside = [
    process.env.npm_execpath,
    join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js'),
    join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js'),
  ].find((path) => path?.endsWith('npm-cli.js') && existsSync(path));
  if (beside) return { command: process.execPath, first: [beside] };
  const found = onPath('npm');
  if (!found)
    throw new SetupError('FRESHET_SETUP_NPM_MISSING', 'The set-up did not find npm on PATH', {
      next: 'Install npm (it comes with Node from https://nodejs.org), then run this command again.',
    });
  return { command: found, first: [] };
};

/**
 * @param {string} root
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
export const npm = (root, args, env) => {
  const { command, first } = npmCommand();
  return run(command, [...first, ...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env,
    timeoutMs: limitFrom(env, 'FRESHET_SETUP_NPM_TIMEOUT_MS', 900_000),
    timeoutName: 'FRESHET_SETUP_NPM_TIMEOUT_MS',
  });
};

/** Folder with the headers of this Node, if it includes them. */
export const nodeHeaders = () => {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  return isOwnRelease(headersRelease(prefix)) ? prefix : undefined;
};

/** Whether a binary that is compiled against headers of this release runs here: the major version decides. */
export const isOwnRelease = (/** @type {string | undefined} */ release) =>
  release?.split('.')[0] === process.versions.node.split('.')[0];

/** The release of Node, as `22.23.5`, whose headers are in this folder; undefined: it has none. */
export const headersRelease = (/** @type {string} */ folder) => {
  try {
    const text = readFileSync(join(folder, 'include/node/node_version.h'), 'utf8');
    return ['MAJOR', 'MINOR', 'PATCH']
      .map((part) => new RegExp(`#define NODE_${part}_VERSION (\\d+)`).exec(text)?.[1])
      .join('.');
  } catch {
    return undefined;
  }
};
