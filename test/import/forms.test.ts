/**
 * The forms of data files that people have, and what an import makes of each. The reference shows both
 * (scripts/docs/imports.ts). After a change on purpose, `FRESHET_RENEW=1 npx vitest run test/import` writes the outcomes
 * anew; read the difference before you commit it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FORMS } from './forms.ts';
import { outcomeOf } from './outcome.ts';

const FILE = new URL('./outcomes.json', import.meta.url);

it('each form has its own name', () => {
  expect(new Set(FORMS.map(({ name }) => name)).size).toBe(FORMS.length);
});

it('each form has the outcome that the reference shows', async () => {
  const outcomes: Record<string, string> = {};
  for (const form of FORMS) outcomes[form.name] = await outcomeOf(form);
  if (process.env.FRESHET_RENEW) writeFileSync(FILE, `${JSON.stringify(outcomes, null, 2)}\n`);
  expect(outcomes).toEqual(JSON.parse(readFileSync(FILE, 'utf8')));
});
