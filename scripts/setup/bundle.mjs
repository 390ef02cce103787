/**
 * The command line in a few files of plain JavaScript, made from the TypeScript when that has changed. Transforming and
 * resolving some thousand modules one by one took two seconds of each process; a bundle starts in a fifth of it.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from './report.mjs';

/** What a bundle is made from, beside the packages. */
const SOURCES = ['src', 'bench', 'scripts/setup', 'scripts/setup.mjs', 'streams.config.ts', 'package-lock.json'];
/** Packages of very many small modules; all others are loaded as they are installed. */
const BUNDLED = ['typebox'];
/** Bundles of earlier versions that are kept: a process that runs may still load a part of its own. */
const KEPT = 3;

/** The programs: name in the bundle, and source. */
const PROGRAMS = { freshet: 'src/cli/main.ts', bench: 'bench/main.ts' };

/**
 * Imports a program: from its bundle, which is made first where there is none for these sources, or from its sources
 * where none can be made.
 *
 * @param {string} root the clone
 * @param {keyof typeof PROGRAMS} program
 * @returns {Promise<{ main(args: readonly string[]): Promise<number> }>}
 */
export const loadProgram = async (root, program) => {
  process.setSourceMapsEnabled(true);
  let folder;
  try {
    folder = await ensureBundle(root);
  } catch (err) {
    process.stderr.write(`no bundle could be made (${messageOf(err)}); it runs from its sources, which start slower\n`);
    const { register } = await import('tsx/esm/api');
    register();
    return import(pathToFileURL(join(root, PROGRAMS[program])).href);
  }
  return import(pathToFileURL(join(folder, `${program}.js`)).href);
};

/**
 * Folder of the bundle of these sources.
 *
 * @param {string} root
 */
const ensureBundle = async (root) => {
  const folder = join(root, 'node_modules', '.cache', 'freshet', 'bundle');
  const target = join(folder, versionOf(root));
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const making = `${target}.${process.pid}`;
  const { build, stop } = await import('esbuild');
  await build({
    entryPoints: Object.fromEntries(Object.entries(PROGRAMS).map(([name, source]) => [name, join(root, source)])),
    outdir: making,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'silent',
    plugins: [packagesStay, modulesKnowTheirPlace],
  });
  // Otherwise its helper process stays as long as this one.
  await stop();
  try {
    renameSync(making, target);
  } catch (err) {
    // Another process was quicker; its bundle is the same.
    if (!existsSync(target)) throw err;
    rmSync(making, { recursive: true, force: true });
  }
  forget(folder);
  return target;
};

/**
 * What the sources are, by names, sizes and times of change: a look at some hundred files takes milliseconds.
 *
 * @param {string} root
 */
const versionOf = (root) => {
  // Also where it lies, which the bundle has written into itself: a copied folder would start what it was copied from.
  const hash = createHash('sha256').update(`${process.version} ${root}\n`);
  /** @param {string} path */
  const add = (path) => {
    const stat = statSync(join(root, path));
    if (stat.isDirectory()) for (const name of readdirSync(join(root, path)).sort()) add(`${path}/${name}`);
    else if (!path.endsWith('.test.ts')) hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`);
  };
  for (const path of SOURCES) if (existsSync(join(root, path))) add(path);
  return hash.digest('hex').slice(0, 16);
};

/** @param {string} folder */
const forget = (folder) => {
  const found = readdirSync(folder)
    .map((name) => ({ name, time: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { name } of found.slice(KEPT)) rmSync(join(folder, name), { recursive: true, force: true });
};

/** @type {import('esbuild').Plugin} */
const packagesStay = {
  name: 'packages-stay',
  setup: (build) => {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind === 'entry-point') return undefined;
      return BUNDLED.some((name) => path === name || path.startsWith(`${name}/`))
        ? undefined
        : { path, external: true };
    });
  },
};

/** A module finds its neighbours on the disk by its own address, not by that of the bundle.
 * @type {import('esbuild').Plugin} */
const modulesKnowTheirPlace = {
  name: 'modules-know-their-place',
  setup: (build) => {
    build.onLoad({ filter: /\.(ts|mjs)$/ }, ({ path }) => {
      if (path.includes('node_modules')) return undefined;
      const text = readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href));
      return { contents: text, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};
