import { expect, it } from 'vitest';
import { pollUntil } from './poll-until.ts';

it('checks at once, then again until there is a result', async () => {
  let checks = 0;
  const first = pollUntil(3_600_000, () => ++checks);
  expect(await first).toBe(1);
  expect(await pollUntil(1, async () => (++checks > 4 ? 'done' : undefined))).toBe('done');
  expect(checks).toBe(5);
});

it('ends with what a check throws', async () => {
  let checks = 0;
  const late = pollUntil(1, () => {
    if (++checks > 2) throw new Error('late');
    return undefined;
  });
  await expect(late).rejects.toThrow('late');
  expect(checks).toBe(3);
});
