import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { BadRequestError } from '../../errors.ts';
import { createRequestCheck } from './request-check.ts';
import { count, cursor, id, ids, request } from './request-members.ts';

const check = createRequestCheck(
  request({
    user: id('the user', 'u42'),
    n: Type.Optional(count(100, 10, 'items')),
    exclude: Type.Optional(ids(2, 'items', ['i1'])),
    explain: Type.Optional(Type.Boolean()),
    cursor: Type.Optional(cursor('next page')),
    mode: Type.Optional(Type.Enum(['fast', 'exact'])),
    boosts: Type.Optional(
      Type.Array(request({ by: Type.Number({ minimum: -1, maximum: 1 }), max: Type.Optional(Type.Integer()) }), {
        maxItems: 3,
      }),
    ),
    seen: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0 }), Type.Record(Type.String(), Type.Integer({ minimum: -1 }))]),
    ),
    filter: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
);

describe('a request', () => {
  it('passes unchanged', () => {
    const asked = { user: 'u 42', n: 100, exclude: ['a', 'ü'], boosts: [{ by: 1 }], seen: { x: -1 }, filter: { a: 1 } };
    expect(check(asked)).toBe(asked);
  });

  it('may have null for an optional member, and keeps null where the schema allows it', () => {
    const asked = { user: 'u', n: null, cursor: null, boosts: [{ by: 1, max: null }], filter: { a: null } };
    expect(check(asked)).toEqual({ user: 'u', boosts: [{ by: 1 }], filter: { a: null } });
    expect(asked.n).toBeNull();
  });

  it.each<[given: object, member: string, message: string]>([
    [{}, 'user', 'user is missing. It must be a string of 1 to 128 bytes of printable UTF-8.'],
    [{ user: null }, 'user', 'user is null. It must be a string of 1 to 128 bytes of printable UTF-8.'],
    [{ user: '' }, 'user', 'user is "". It must be a string of 1 to 128 bytes of printable UTF-8.'],
    [
      { user: 'é'.repeat(65) },
      'user',
      'user is longer than 128 bytes of UTF-8. It must be a string of 1 to 128 bytes of printable UTF-8.',
    ],
    [{ n: 0 }, 'n', 'n is 0. It must be a whole number from 1 to 100.'],
    [{ n: Number.NaN }, 'n', 'n is null. It must be a whole number from 1 to 100.'],
    [{ n: '5' }, 'n', 'n is "5". It must be a whole number from 1 to 100.'],
    [{ explain: 'yes' }, 'explain', 'explain is "yes". It must be true or false.'],
    [{ mode: 'slow' }, 'mode', 'mode is "slow". It must be one of fast, exact.'],
    [{ exclude: ['a', 'b', 'c'] }, 'exclude', 'exclude is a list of 3. It must be a list of at most 2 strings.'],
    [{ exclude: 'a' }, 'exclude', 'exclude is "a". It must be a list of at most 2 strings.'],
    [{ boosts: [{}] }, 'boosts[0]', 'boosts[0] has no by. It must be an object with by, max.'],
    [{ boosts: [{ by: 2 }] }, 'boosts[0].by', 'boosts[0].by is 2. It must be a number from -1 to 1.'],
    [
      { boosts: [{ by: 1, at: 2 }] },
      'boosts[0]',
      'boosts[0] has an unknown member "at". It must be an object with by, max.',
    ],
    [{ seen: -1 }, 'seen', 'seen is -1. It must be a whole number from 0, or an object.'],
    [{ filter: [] }, 'filter', 'filter is a list of 0. It must be an object.'],
    [{ m: 5 }, 'm', /^m is not a member of this request\. Its members are user, n, /.source],
  ])('%j is refused: %s', (given, member, message) => {
    const asked = { user: 'u', ...given };
    const read = () => check(Object.keys(given).length === 0 ? {} : asked);
    expect(read).toThrow(BadRequestError);
    expect(read).toThrow(message.startsWith('^') ? new RegExp(message) : message);
    expect(read).toThrow(expect.objectContaining({ details: expect.objectContaining({ member }) }));
  });

  it('does not repeat a long value in its error', () => {
    expect(() => check({ user: 'u', n: 'x'.repeat(1_000_000) })).toThrow(/^n is "x{99}…\. It must/);
    expect(() => check({ user: 'u', ['m'.repeat(1_000_000)]: 1 })).toThrow(/^m{100} is not a member/);
  });
});
