/** Checkouts of a repository of two commits, whose set-up writes a file. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../test/support/tempdir.ts';
import { checkOut, removeCheckout, thisTree } from './checkout.ts';

const say = (): void => {};

function repository(): { root: string; first: string; second: string; git: (...args: string[]) => string } {
  const root = join(tempDir('checkout'), 'clone');
  mkdirSync(root);
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  git('init');
  writeFileSync(join(root, 'package.json'), JSON.stringify({ scripts: { setup: 'cp text ready' } }));
  writeFileSync(join(root, '.gitignore'), 'ready\n');
  const commit = (text: string): string => {
    writeFileSync(join(root, 'text'), text);
    git('add', '-A');
    git('commit', '-m', text);
    return git('rev-parse', 'HEAD');
  };
  return { root, first: commit('first'), second: commit('second'), git };
}

it('checks a revision out, sets it up, and uses the folder again for another one', async () => {
  const { root, first, second } = repository();
  const folder = join(tempDir('kept'), 'ref');
  const tree = await checkOut({ root, rev: first.slice(0, 8), folder, say });
  expect(tree).toEqual({ name: 'ref', root: folder, commit: first, changed: false });
  expect(readFileSync(join(folder, 'ready'), 'utf8')).toBe('first');
  expect(await checkOut({ root, rev: 'HEAD', folder, say })).toMatchObject({ commit: second });
  expect(readFileSync(join(folder, 'ready'), 'utf8')).toBe('second');
  removeCheckout(root, folder);
  expect(existsSync(folder)).toBe(false);
  expect(await thisTree(root)).toEqual({ name: 'new', root, commit: second, changed: false });
});

it('refuses an unknown revision, a folder of something else, and a checkout with changes', async () => {
  const { root } = repository();
  const refused = (rev: string, folder: string) => expect(checkOut({ root, rev, folder, say })).rejects;
  await refused('no-such', join(root, '../ref')).toThrow(/no revision "no-such"/);
  const other = tempDir('other');
  writeFileSync(join(other, 'file'), '');
  await refused('HEAD', other).toThrow(/holds no checkout/);
  await refused('HEAD', root).toThrow(/holds no checkout/);
  const kept = join(root, '../kept');
  await checkOut({ root, rev: 'HEAD', folder: kept, say });
  writeFileSync(join(kept, 'text'), 'edited');
  await refused('HEAD', kept).toThrow(/has changes/);
});
