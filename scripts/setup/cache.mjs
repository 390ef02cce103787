/** The project's cache: what was fetched or built once serves every later clone. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** `$FRESHET_CACHE`, else `$XDG_CACHE_HOME/freshet`, else `~/.cache/freshet`. */
export const cacheFolder = (/** @type {NodeJS.ProcessEnv} */ env = process.env) =>
  env.FRESHET_CACHE
    ? resolve(env.FRESHET_CACHE)
    : env.XDG_CACHE_HOME
      ? join(env.XDG_CACHE_HOME, 'freshet')
      : join(homedir(), '.cache', 'freshet');

/**
 * A new folder inside the cache, so that what is finished in it can be renamed into place: no reader ever sees half
 * of something, and two set-ups at once don't need to know of each other.
 */
export const stagingFolder = (/** @type {NodeJS.ProcessEnv} */ env, /** @type {string} */ name) => {
  const parent = join(cacheFolder(env), 'tmp');
  mkdirSync(parent, { recursive: true });
  // What a set-up that was killed left behind; a day, because nobody's download takes that long.
  for (const left of readdirSync(parent)) {
    const entry = statSync(join(parent, left), { throwIfNoEntry: false });
    if (entry && Date.now() - entry.mtimeMs > 86_400_000) rmSync(join(parent, left), { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, `${name}-`));
};
