import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { BUILDS, build } from './kernel.ts';

it.each(BUILDS.map((one) => [basename(one.file), one] as const))('%s is what its sources give', async (_name, one) => {
  const bytes = Buffer.from(await build(one));
  expect(bytes.equals(readFileSync(one.file)), 'Run `npm run kernel` and commit the result.').toBe(true);
});
