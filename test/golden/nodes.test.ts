/** The small case of `npm run test:long -- nodes`: the release that runs the tests, which nobody has to install. */
import { expect, it, vi } from 'vitest';
import { nodesCommand } from './nodes-command.ts';

it('folds the golden logs outside of the sources, to the pinned state', async () => {
  const said: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line));
  try {
    await nodesCommand().parseAsync(['--release', process.versions.node], { from: 'user' });
  } finally {
    log.mockRestore();
  }
  expect(said[0]).toMatch(/: the pinned state$/);
  expect(said.at(-1)).toBe('1 passed, 0 failed');
}, 120_000);
