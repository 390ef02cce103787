import { describe, expect, it } from 'vitest';
import { BadRequestError } from '../../errors.ts';
import { optionalFlag, optionalText, requiredId, wholeNumber } from './request.ts';

const range = { default: 10, min: 1, max: 100 };

describe('a member of a request', () => {
  it('is returned if it is valid', () => {
    expect(requiredId({ user: 'u 42' }, 'user')).toBe('u 42');
    expect(wholeNumber({ n: 100 }, 'n', range)).toBe(100);
    expect(optionalFlag({ explain: true }, 'explain', false)).toBe(true);
    expect(optionalText({ cursor: 'abc' }, 'cursor')).toBe('abc');
  });

  it.each([undefined, null])('may be left out: %s', (value) => {
    expect(wholeNumber({ n: value }, 'n', range)).toBe(10);
    expect(optionalFlag({ explain: value }, 'explain', true)).toBe(true);
    expect(optionalText({ cursor: value }, 'cursor')).toBeUndefined();
  });

  it.each([
    ['user', () => requiredId({}, 'user'), 'user is missing'],
    ['user', () => requiredId({ user: '' }, 'user'), 'is empty'],
    ['user', () => requiredId({ user: 5 }, 'user'), 'is not a string'],
    ['n', () => wholeNumber({ n: 0 }, 'n', range), '1 to 100'],
    ['n', () => wholeNumber({ n: 101 }, 'n', range), '1 to 100'],
    ['n', () => wholeNumber({ n: 1.5 }, 'n', range), '1 to 100'],
    ['n', () => wholeNumber({ n: '5' }, 'n', range), '1 to 100'],
    ['n', () => wholeNumber({ n: Number.NaN }, 'n', range), '1 to 100'],
    ['explain', () => optionalFlag({ explain: 'yes' }, 'explain', false), 'true or false'],
    ['cursor', () => optionalText({ cursor: 'x'.repeat(1_001) }, 'cursor'), '1000'],
    ['cursor', () => optionalText({ cursor: 1 }, 'cursor'), 'a string'],
  ])('is refused by name: %s', (member, read, reason) => {
    expect(read).toThrow(BadRequestError);
    expect(read).toThrow(reason);
    try {
      read();
    } catch (err) {
      expect((err as BadRequestError).details.member).toBe(member);
    }
  });
});
