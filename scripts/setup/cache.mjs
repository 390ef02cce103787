/** The cache of the project: what one clone has downloaded or built serves all later clones. */
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
 * A new folder inside the cache. The caller renames a finished file into place, so that no reader ever sees an incomplete
 * one, and two set-ups at once do not disturb each other.
 */
export const stagingFolder = (/** @type {NodeJS.ProcessEnv} */ env, /** @type {string} */ name) => {
  const parent = join(cacheFolder(env), 'tmp');
  mkdirSync(parent, { recursive: true });
  // Deletes what killed set-ups have left. After a day, because no download takes that long.
  for (const left of readdirSync(parent)) {
    const entry = statSync(join(parent, left), { throwIfNoEntry: false });
    if (entry && Date.now() - entry.mtimeMs > 86_400_000) rmSync(join(parent, left), { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, `${name}-`));
};
