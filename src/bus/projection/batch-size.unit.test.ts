import { expect, it } from 'vitest';
import { createBatchSize } from './batch-size.ts';

it('follows the time that messages took, within the bounds', () => {
  const size = createBatchSize({ batchMax: 100, batchMs: 10 });
  expect(size.most()).toBe(100);
  for (let i = 0; i < 50; i++) size.took(100, 100);
  expect(size.most()).toBe(10);
  for (let i = 0; i < 100; i++) size.took(10, 1_000);
  expect(size.most()).toBe(1);
  for (let i = 0; i < 500; i++) size.took(10, 0.01);
  expect(size.most()).toBe(100);
});

it('has no bound in time unless one is given', () => {
  const size = createBatchSize({ batchMax: 500, batchMs: Number.POSITIVE_INFINITY });
  size.took(1, 60_000);
  expect(size.most()).toBe(500);
});
