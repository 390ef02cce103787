/**
 * Bundles the command line into a few files of JavaScript, again whenever the TypeScript has changed. Each process would
 * need two seconds to transform and resolve about a thousand modules; a bundle starts in a fifth of that time.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureConsole } from './console.mjs';
import { messageOf } from './report.mjs';

/** The sources of a bundle, apart from the packages. */
const SOURCES = ['src', 'bench', 'scripts/setup', 'scripts/setup.mjs', 'streams.config.ts', 'package-lock.json'];
/**
 * Packages that every process loads, and that need no file beside their code: to resolve and read their modules one by
 * one took a fifth of a start. Node loads all other packages from node_modules.
 */
const BUNDLED = ['typebox', 'nats', 'commander', 'pino', 'prom-client', 'csv-parse', 'jose', 'sift'];
/** The CommonJS packages among them load Node's own modules by `require`. */
const REQUIRE =
  "import { createRequire as createRequire_ } from 'node:module';\nconst require = createRequire_(import.meta.url);";
/** How many earlier bundles to keep, because a running process may still load a part of its own. */
const KEPT = 3;

/** The programs: the name in the bundle, and the source. */
const PROGRAMS = {
  freshet: 'src/cli/main.ts',
  bench: 'bench/main.ts',
  training: 'src/engine/train/worker.ts',
  beside: 'src/engine/fold/beside/worker.ts',
  search: 'src/content/search/worker.ts',
};

/**
 * Imports a program from its bundle. Makes the bundle first if these sources have none, and imports the sources if it
 * cannot make one.
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
    process.stderr.write(`freshet cannot write its bundle, so it starts more slowly: ${messageOf(err)}\n`);
    const { register } = await import('tsx/esm/api');
    register();
    return import(pathToFileURL(join(root, PROGRAMS[program])).href);
  }
  return import(pathToFileURL(join(folder, `${program}.mjs`)).href);
};

/**
 * The folder with the bundle of these sources.
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
    // By this name every release of Node knows modules; before 20.19 it reads .js below node_modules as CommonJS.
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    // Less to parse; names stay, for the stack of an error.
    minifyWhitespace: true,
    minifySyntax: true,
    // The sources stand where the map says; with them in it, reading maps was a tenth of a start.
    sourcesContent: false,
    banner: { js: REQUIRE },
    logLevel: 'silent',
    plugins: [packagesStay, modulesKnowTheirPlace],
  });
  // Otherwise the helper process of esbuild runs as long as this one.
  await stop();
  forgetMapsOfPackages(making);
  // If this fails, the gateway says why to a reader of the page.
  await ensureConsole(root).catch(() => {});
  try {
    renameSync(making, target);
  } catch (err) {
    // Another process was faster, and its bundle is the same.
    if (!existsSync(target)) throw err;
    rmSync(making, { recursive: true, force: true });
  }
  forget(folder);
  return target;
};

/**
 * A hash of the names, sizes and times of change of the sources. It takes milliseconds for some hundred files.
 *
 * @param {string} root
 */
const versionOf = (root) => {
  // Includes the path of the clone, which the bundle contains: a copy of the clone would otherwise start the original.
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

/**
 * Removes the source maps of chunks that hold packages alone. Node reads a map when the chunk loads, and parses it when
 * any code reads `stack` of an error, which the NATS client does at every start: a quarter of the start of a service.
 *
 * @param {string} folder
 */
const forgetMapsOfPackages = (folder) => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.mjs.map'))) {
    const map = join(folder, name);
    const { sources } = JSON.parse(readFileSync(map, 'utf8'));
    if (!sources.every((/** @type {string} */ source) => source.includes('node_modules/'))) continue;
    const chunk = map.slice(0, -'.map'.length);
    writeFileSync(chunk, readFileSync(chunk, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'));
    rmSync(map);
  }
};

/** Milliseconds after which a bundle that a process began counts as abandoned. */
const ABANDONED_MS = 3_600_000;

/**
 * Removes old bundles. A bundle that another process is making has the name of that process as its ending; it stays,
 * because that process would fail without it.
 *
 * @param {string} folder
 */
const forget = (folder) => {
  const found = readdirSync(folder)
    // Another process may rename or remove its own meanwhile.
    .map((name) => ({ name, time: statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now() }))
    .sort((a, b) => b.time - a.time);
  const complete = found.filter(({ name }) => !name.includes('.'));
  const abandoned = found.filter(({ name, time }) => name.includes('.') && Date.now() - time > ABANDONED_MS);
  for (const { name } of [...complete.slice(KEPT), ...abandoned])
    rmSync(join(folder, name), { recursive: true, force: true });
};

/** @type {import('esbuild').Plugin} */
const packagesStay = {
  name: 'packages-stay',
  setup: (build) => {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind, importer }) => {
      // What a bundled package needs comes with it.
      if (kind === 'entry-point' || importer.includes('node_modules')) return undefined;
      return BUNDLED.some((name) => path === name || path.startsWith(`${name}/`))
        ? undefined
        : { path, external: true };
    });
  },
};

/** Keeps `import.meta.url` of each module, so that it finds the files next to it and not next to the bundle.
 * @type {import('esbuild').Plugin} */
export const modulesKnowTheirPlace = {
  name: 'modules-know-their-place',
  setup: (build) => {
    build.onLoad({ filter: /\.(ts|mjs)$/ }, ({ path }) => {
      if (path.includes('node_modules')) return undefined;
      const text = readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href));
      return { contents: text, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};
