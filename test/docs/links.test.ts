import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/setup.mjs';
import { pages } from './blocks.ts';

const withoutCode = (text: string): string => text.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '');

/** Anchors of a page's headings, as they are made from their text. */
const anchorsOf = (path: string): string[] =>
  [...readFileSync(join(ROOT, path), 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe.each(pages())('%s', (page) => {
  const text = withoutCode(readFileSync(join(ROOT, page), 'utf8'));
  const targets = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);

  it('links to existing pages', () => {
    for (const target of targets.filter((one) => !/^https?:/.test(one))) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path));
      expect(existsSync(join(ROOT, file)), target).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(file), target).toContain(anchor);
    }
  });
});

it('the index leads to every page, to a runbook by the page of all runbooks', () => {
  const index = readFileSync(join(ROOT, 'docs/README.md'), 'utf8');
  const runbooks = readFileSync(join(ROOT, 'docs/runbooks/README.md'), 'utf8');
  for (const page of pages().filter((one) => one.startsWith('docs/') && one !== 'docs/README.md')) {
    const [, runbook] = /^docs\/runbooks\/(?!README)(.+)$/.exec(page) ?? [];
    if (runbook === undefined) expect(index, page).toContain(`(${page.slice('docs/'.length)})`);
    else expect(runbooks, page).toContain(`(${runbook})`);
  }
});
