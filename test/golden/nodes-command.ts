/**
 * `npm run test:long -- nodes`: folds the golden logs under other releases of Node. Each comes from the npm registry, in a
 * package that holds its headers as well; SQLite is compiled for it where its ABI is not that of this process.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { build } from 'esbuild';
import { modulesKnowTheirPlace } from '../../scripts/setup/bundle.mjs';
import { makeTempDir, removeTempDir } from '../support/folder.ts';
import { differing, pinned, type StateHash } from './state-hash.ts';

/** Releases with different versions of Unicode, V8 and C library. */
const RELEASES = ['20.19.0', '20.20.2', '22', '24', '26'];
/** Milliseconds for an install, in which SQLite may be compiled on one core beside other work. */
const INSTALL_MS = 3_600_000;
const FOLD_MS = 600_000;

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const SQLITE = join(REPOSITORY, 'node_modules/better-sqlite3');

interface NodesOptions {
  release: string[];
  folder?: string;
}

/** What a release gives. */
interface Found {
  release: string;
  unicode: string;
  v8: string;
  /** Values that differ from the pinned ones. */
  differs: string[];
}

export const nodesCommand = (): Command =>
  new Command('nodes')
    .description('fold the golden logs under several releases of Node, and compare the hashes (minutes per release)')
    .option('--release <version...>', `releases from the npm registry (default: ${RELEASES.join(', ')})`, RELEASES)
    .option('--folder <dir>', 'keep what is installed there, so that the next run is short')
    .action(async ({ release: releases, folder }: NodesOptions) => {
      const base = folder ?? makeTempDir('nodes');
      try {
        const found: Found[] = [];
        for (const release of releases) found.push(await foldUnder(release, base));
        for (const { release, unicode, v8, differs } of found)
          console.log(
            `Node ${release} (Unicode ${unicode}, V8 ${v8}): ${differs.length === 0 ? 'the pinned state' : `differs in ${differs.join(', ')}`}`,
          );
        const failed = found.filter(({ differs }) => differs.length > 0).length;
        console.log(`${found.length - failed} passed, ${failed} failed`);
        process.exitCode = failed > 0 ? 1 : 0;
      } finally {
        if (folder === undefined) removeTempDir(base);
      }
    });

async function foldUnder(release: string, base: string): Promise<Found> {
  const folder = join(base, release);
  mkdirSync(folder, { recursive: true });
  const node = installNode(release, folder);
  installSqlite(node, folder);
  const bundle = join(folder, 'fold.mjs');
  await bundleFold(bundle);
  const { versions, hashes } = JSON.parse(run(node, [bundle], folder, FOLD_MS)) as {
    versions: { node: string; unicode: string; v8: string };
    hashes: Record<string, StateHash>;
  };
  const expected = Object.fromEntries(Object.keys(hashes).map((name) => [name, pinned()[name]]));
  return {
    release: versions.node,
    unicode: versions.unicode,
    v8: versions.v8,
    differs: differing(hashes, expected as Record<string, StateHash>),
  };
}

/** The path of the program. */
function installNode(release: string, folder: string): string {
  if (release === process.versions.node) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const path = join(folder, 'node_modules', name, 'bin/node');
  if (existsSync(path)) return path;
  console.error(`Node ${release}: installing ${name}`);
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  run(process.execPath, [npm(), 'install', '--no-audit', '--no-fund', `${name}@${release}`], folder, INSTALL_MS);
  return path;
}

function installSqlite(node: string, folder: string): void {
  const target = join(folder, 'node_modules/better-sqlite3');
  if (existsSync(join(target, 'build/Release/better_sqlite3.node'))) return;
  const abi = run(node, ['-p', 'process.versions.modules'], folder, FOLD_MS).trim();
  if (abi === process.versions.modules) {
    cpSync(SQLITE, target, { recursive: true, dereference: true });
    for (const one of ['bindings', 'file-uri-to-path'])
      cpSync(join(REPOSITORY, 'node_modules', one), join(folder, 'node_modules', one), {
        recursive: true,
        dereference: true,
      });
    return;
  }
  const { version } = JSON.parse(readFileSync(join(SQLITE, 'package.json'), 'utf8')) as { version: string };
  console.error(
    `Node ABI ${abi}: installing better-sqlite3 ${version}, which npm compiles if nobody offers it compiled`,
  );
  const args = [npm(), 'install', '--no-audit', '--no-fund', '--foreground-scripts', `better-sqlite3@${version}`];
  run(node, args, folder, INSTALL_MS, { npm_config_nodedir: join(node, '../..') });
}

/** Bundles the fold, because other releases do not read TypeScript alike. */
async function bundleFold(outfile: string): Promise<void> {
  const here = fileURLToPath(new URL('.', import.meta.url));
  await build({
    stdin: {
      contents: `import { GOLDEN, hashState } from './state-hash.ts';
        const hashes = Object.fromEntries(Object.entries(GOLDEN).map(([name, { log, batches }]) => [name, hashState(log(), batches[0])]));
        console.log(JSON.stringify({ versions: process.versions, hashes }));`,
      resolveDir: here,
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    external: ['better-sqlite3'],
    banner: {
      js: `import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);`,
    },
    // The golden events lie beside the sources, and so does the kernel of the model.
    plugins: [modulesKnowTheirPlace],
    logLevel: 'error',
  });
}

/** What a program prints. Throws what it wrote to stderr if it fails. */
function run(program: string, args: string[], cwd: string, timeout: number, env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    timeout,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${error?.message ?? stderr.slice(-4_000)}`);
  return stdout;
}

/** npm's program, which `npm run` names. */
function npm(): string {
  const path = process.env.npm_execpath;
  if (path === undefined) throw new Error('npm did not start this. Run it as `npm run test:long -- nodes`.');
  return path;
}
