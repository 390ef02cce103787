import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SCHEMA_FOLDER } from '../../scripts/docs/schemas.ts';
import { generateDocs } from '../../scripts/docs.ts';
import { ROOT } from '../../scripts/setup.mjs';

const files = await generateDocs();

it.each([...files.keys()])('%s equals the output of `npm run docs`', (path) => {
  expect(readFileSync(join(ROOT, path), 'utf8')).toBe(files.get(path));
});

it('has no schema of a removed type', () => {
  for (const name of readdirSync(join(ROOT, SCHEMA_FOLDER)))
    expect([...files.keys()]).toContain(`${SCHEMA_FOLDER}/${name}`);
});

it('does not depend on the machine', () => {
  for (const [path, text] of files) for (const folder of [ROOT, homedir()]) expect(text, path).not.toContain(folder);
});
