/** Bundles the console, the web page of the gateway, and the page of a report, into a few files, again whenever its sources have changed. */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The sources of the console, apart from the packages. */
const SOURCES = ['src/console', 'src/client', 'scripts/setup/console.mjs', 'package-lock.json'];
/** How many earlier bundles to keep, for processes of other states of the clone. */
const KEPT = 3;

/** The files of the console, as its folder holds them. */
export const CONSOLE_FILES = ['index.html', 'console.js', 'console.css', 'icon.svg'];

/**
 * Bundles the console unless a bundle of the same sources is there; that takes less than a second. Returns the folder of the
 * bundle.
 *
 * @param {string} root the clone
 * @returns {Promise<string>}
 */
export const ensureConsole = async (root) => {
  const folder = join(root, 'node_modules', '.cache', 'freshet', 'console');
  const target = join(folder, versionOf(root));
  if (existsSync(target)) return target;
  const making = `${target}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    const { build, stop } = await import('esbuild');
    await build({
      entryPoints: {
        console: join(root, 'src/console/main.tsx'),
        report: join(root, 'src/console/report/main.tsx'),
      },
      outdir: making,
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: ['chrome123', 'firefox120', 'safari17.5'],
      jsx: 'automatic',
      jsxImportSource: 'preact',
      minify: true,
      legalComments: 'eof',
      logLevel: 'silent',
    });
    // Otherwise the process that esbuild starts runs as long as this one.
    await stop();
    for (const name of ['index.html', 'icon.svg']) copyFileSync(join(root, 'src/console', name), join(making, name));
    renameSync(making, target);
  } catch (err) {
    rmSync(making, { recursive: true, force: true });
    // Another process was faster, and its bundle is the same.
    if (!existsSync(target)) throw err;
  }
  const old = readdirSync(folder)
    .filter((name) => !name.includes('.'))
    .map((name) => ({ name, time: statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now() }))
    .sort((a, b) => b.time - a.time)
    .slice(KEPT);
  for (const { name } of old) rmSync(join(folder, name), { recursive: true, force: true });
  return target;
};

/** @param {string} root the clone; returns a hash of the sources */
const versionOf = (root) => {
  const hash = createHash('sha256');
  /** @param {string} path */
  const add = (path) => {
    if (statSync(join(root, path)).isDirectory())
      for (const name of readdirSync(join(root, path)).sort()) add(`${path}/${name}`);
    else if (!path.endsWith('.test.ts'))
      hash
        .update(`${path}\0`)
        .update(readFileSync(join(root, path)))
        .update('\0');
  };
  for (const path of SOURCES) if (existsSync(join(root, path))) add(path);
  return hash.digest('hex').slice(0, 16);
};
