/** The checkout of another revision, set up like any clone. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from '../../src/errors.ts';
import type { Tree } from './tree.ts';

const exec = promisify(execFile);

async function git(root: string, ...args: string[]): Promise<string> {
  return (await exec('git', ['-C', root, ...args])).stdout.trim();
}

/** What git says of this tree; without a commit if the tree is in no git repository. */
export async function thisTree(root: string): Promise<Tree> {
  try {
    return {
      name: 'new',
      root,
      commit: await git(root, 'rev-parse', 'HEAD'),
      changed: (await git(root, 'status', '--porcelain')) !== '',
    };
  } catch {
    return { name: 'new', root, commit: undefined, changed: false };
  }
}

export interface CheckoutOptions {
  /** The clone that has the revision. */
  root: string;
  rev: string;
  /** Folder of the checkout. */
  folder: string;
  say: (line: string) => void;
}

/**
 * Checks out a revision and sets it up. It uses a folder again that holds a checkout of the same clone. Throws
 * `UsageError` if the clone does not have the revision, and if the folder holds something else or changes.
 */
export async function checkOut({ root, rev, folder, say }: CheckoutOptions): Promise<Tree> {
  const commit = await git(root, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${rev}^{commit}`).catch(
    (cause) => {
      throw new UsageError(`The clone ${root} has no revision ${JSON.stringify(rev)}.`, {
        next: 'name a commit that `git log --all --oneline` shows, or fetch it first (a shallow clone: git fetch --unshallow)',
        cause,
      });
    },
  );
  const path = resolve(folder);
  if (existsSync(path) && readdirSync(path).length > 0) await reuse(path, { root, commit, say });
  else {
    say(`checking out ${commit.slice(0, 7)} to ${path}`);
    await git(root, 'worktree', 'add', '--detach', '--force', path, commit);
  }
  say(`setting up ${path}`);
  await setUp(path);
  return { name: 'ref', root: path, commit, changed: false };
}

/** Moves a checkout of an earlier run to the commit. */
async function reuse(
  path: string,
  { root, commit, say }: { root: string; commit: string; say: (line: string) => void },
): Promise<void> {
  const common = (of: string): Promise<string> => git(of, 'rev-parse', '--path-format=absolute', '--git-common-dir');
  const top = await git(path, 'rev-parse', '--show-toplevel').catch(() => undefined);
  const own =
    top !== undefined && realpathSync(top) === realpathSync(path) && (await common(path)) === (await common(root));
  if (!own || realpathSync(path) === realpathSync(root))
    throw new UsageError(`${path} is not empty and holds no checkout of an earlier run.`, {
      next: 'name an empty folder or a new one after --keep',
    });
  if ((await git(path, 'status', '--porcelain')) !== '')
    throw new UsageError(`The checkout ${path} has changes, so its figures would not be those of the commit.`, {
      next: `git -C ${path} stash --include-untracked, or name another folder after --keep`,
    });
  if ((await git(path, 'rev-parse', 'HEAD')) === commit) return;
  say(`moving ${path} to ${commit.slice(0, 7)}`);
  await git(path, 'checkout', '--quiet', '--detach', commit);
}

/** Removes a checkout that nobody keeps, at once, so that it can be the last act of an interrupted run. */
export function removeCheckout(root: string, folder: string): void {
  spawnSync('git', ['-C', root, 'worktree', 'remove', '--force', '--force', folder], { stdio: 'ignore' });
}

/** `npm run setup` of that tree; its progress goes to standard error. */
function setUp(root: string): Promise<void> {
  return new Promise((done, reject) => {
    const child = spawn('npm', ['run', '--silent', 'setup'], { cwd: root, stdio: ['ignore', 2, 2] });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) done();
      else
        reject(
          new UsageError(`The set-up of ${root} ended with exit code ${code}.`, {
            next: `see the lines above, then: cd ${root} && npm run setup`,
          }),
        );
    });
  });
}
