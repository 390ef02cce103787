import { expect, test } from 'vitest';
import { makeKey } from '../gateway/access/key.ts';
import { signToken } from '../gateway/access/token.ts';
import { tokenSource } from './token.ts';

const { key, record } = makeKey({ name: 'shop', scopes: ['events:user'], now: 0 });
const sign = (claims: object) =>
  signToken(key, record.id, { user: 'Ünal', scopes: ['events:user'], expires: 60, ...claims }, 0);

test('the source of a token is that of its user or session', async () => {
  const token = await sign({ session: 's1', source: 'shop/=C3=9Cnal', sessionSource: 'shop/s1' });
  expect(tokenSource(token, 'Ünal')).toBe('shop/=C3=9Cnal');
  expect(tokenSource(token, 's1')).toBe('shop/s1');
  expect(tokenSource(token, 'another')).toBeUndefined();
});

test.each([undefined, '', key, 'a.b.c', 'a.bnVsbA.c', '..'])(
  'a key, or what is no token, names no source: %s',
  (text) => {
    expect(tokenSource(text, 'Ünal')).toBeUndefined();
  },
);

test('a token of an earlier release names no source', async () => {
  expect(tokenSource(await sign({}), 'Ünal')).toBeUndefined();
});
