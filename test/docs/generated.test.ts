import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SCHEMA_FOLDER } from '../../scripts/docs/schemas.ts';
import { generateDocs } from '../../scripts/docs.ts';
import { ROOT } from '../../scripts/setup.mjs';

const files = await generateDocs();

it.each([...files.keys()])('%s is what `npm run docs` writes', (path) => {
  expect(readFileSync(join(ROOT, path), 'utf8')).toBe(files.get(path));
});

it('keeps no schema of a type that is gone', () => {
  for (const name of readdirSync(join(ROOT, SCHEMA_FOLDER)))
    expect([...files.keys()]).toContain(`${SCHEMA_FOLDER}/${name}`);
});

it('names nothing of the machine that it was written on', () => {
  for (const [path, text] of files) for (const folder of [ROOT, homedir()]) expect(text, path).not.toContain(folder);
});
