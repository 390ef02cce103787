import fc from 'fast-check';
import { expect, it } from 'vitest';
import { finish } from '../primitives/steps.ts';
import { sortingIds } from './sorted-ids.ts';

it('sorts ids by code units as a sort at once does', () => {
  const ids = fc.uniqueArray(fc.string({ unit: 'grapheme' }), { maxLength: 50 });
  fc.assert(
    fc.property(ids, (some) => {
      expect(finish(sortingIds(some))).toEqual([...some].sort());
    }),
  );
});

it('sorts thousands of ids in several steps', () => {
  const ids = Array.from({ length: 10_000 }, (_, n) => `user-${(n * 7_919) % 10_007}`);
  const steps = sortingIds(ids);
  let taken = 0;
  let step = steps.next();
  for (; !step.done; step = steps.next()) taken++;
  expect(step.value).toEqual([...ids].sort());
  expect(taken).toBeGreaterThan(20);
});
