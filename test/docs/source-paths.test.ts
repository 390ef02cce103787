/** Every file and folder of the source that a page names is there. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' }).split('\n').filter(Boolean);
const PATH = /`((?:src|test|bench|scripts)\/[\w./-]*\w\/?)`/g;

const named = pages.flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(PATH)].map(([, path]) => ({ page, path: path as string })),
);

it('names paths', () => expect(named.length).toBeGreaterThan(30));

it('names only existing paths', () => {
  expect(named.filter(({ path }) => !existsSync(join(ROOT, path)))).toEqual([]);
});
