import { expect, it } from 'vitest';
import { repeated } from './repeated.ts';

it('makes one answer for all who ask within the time, then another', async () => {
  let at = 0;
  let made = 0;
  const answer = repeated(
    async () => ++made,
    1_000,
    () => at,
  );
  expect(await Promise.all([answer(), answer()])).toEqual([1, 1]);
  at = 999;
  expect(await answer()).toBe(1);
  at = 1_000;
  expect(await answer()).toBe(2);
});

it('does not repeat an answer that failed', async () => {
  let made = 0;
  const answer = repeated(async () => {
    if (++made === 1) throw new Error('away');
    return made;
  }, 1_000);
  await expect(answer()).rejects.toThrow('away');
  expect(await answer()).toBe(2);
});
