import { describe, expect, it } from 'vitest';
import { createTimeLimit, LATE, withTimeLimit } from './time-limit.ts';

const never = new Promise<never>(() => {});

describe('a time limit', () => {
  it('returns the result that comes first', async () => {
    expect(await withTimeLimit(Promise.resolve(7), 60_000, 'late')).toBe(7);
    await expect(withTimeLimit(Promise.reject(new Error('failed')), 60_000, 'late')).rejects.toThrow('failed');
    await expect(withTimeLimit(never, 1, 'late')).rejects.toThrow('late');
    await expect(withTimeLimit(never, 1, () => new RangeError('late'))).rejects.toBeInstanceOf(RangeError);
  });

  it('is shared by several waits', async () => {
    const limit = createTimeLimit(1);
    expect(await limit.race(Promise.resolve('a'))).toBe('a');
    expect([await limit.race(never), await limit.race(never)]).toEqual([LATE, LATE]);
    expect(limit.isUp).toBe(true);
    const unused = createTimeLimit(60_000);
    expect(unused.isUp).toBe(false);
    unused.end();
  });
});
