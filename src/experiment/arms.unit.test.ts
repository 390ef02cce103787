import { describe, expect, it } from 'vitest';
import { armOf } from './arms.ts';

const arms = [
  { arm: 'a', share: 0.5, config: '' },
  { arm: 'b', share: 0.25, config: '' },
];
const users = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
const shareOf = (experiment: string, arm: string | undefined, among = users): number =>
  among.filter((user) => armOf(user, { experiment, arms })?.arm === arm).length / among.length;

describe('the arm of a user', () => {
  it('is always the same', () => {
    for (const user of users.slice(0, 100))
      expect(armOf(user, { experiment: 'x', arms })).toEqual(armOf(user, { experiment: 'x', arms }));
  });

  it('follows the shares, and is undefined for the remaining users', () => {
    expect(shareOf('x', 'a')).toBeCloseTo(0.5, 1);
    expect(shareOf('x', 'b')).toBeCloseTo(0.25, 1);
    expect(shareOf('x', undefined)).toBeCloseTo(0.25, 1);
  });

  it('does not depend on the arm in another experiment', () => {
    const first = users.filter((user) => armOf(user, { experiment: 'x', arms })?.arm === 'a');
    expect(shareOf('y', 'a', first)).toBeCloseTo(0.5, 1);
  });
});
