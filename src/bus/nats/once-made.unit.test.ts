import { expect, it } from 'vitest';
import { onceMade } from './once-made.ts';

it('is made once', async () => {
  let times = 0;
  const get = onceMade(async () => ++times);
  expect(await Promise.all([get(), get()])).toEqual([1, 1]);
  expect(await get()).toBe(1);
});

it('is made again after a failure', async () => {
  let times = 0;
  const get = onceMade(async () => {
    if (++times === 1) throw new Error('not yet');
    return times;
  });
  await expect(get()).rejects.toThrow('not yet');
  expect(await get()).toBe(2);
});
