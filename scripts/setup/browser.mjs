/** Finds an installed Chromium or Chrome, for the tests and benchmarks that open pages in a real browser. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Names of the browser on PATH, and its paths on macOS. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Why a test or benchmark opens no page, and what to do. */
export const NO_BROWSER =
  'no Chromium or Chrome on PATH; install one (apt-get install -y chromium), or name it in FRESHET_BROWSER';

/**
 * The path of a browser: `FRESHET_BROWSER`, then PATH, then the paths on macOS. Undefined if no browser is installed.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export const findBrowser = (env = process.env) => {
  if (env.FRESHET_BROWSER) return env.FRESHET_BROWSER;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))), ...ELSEWHERE].find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
};
