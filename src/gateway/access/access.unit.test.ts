import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { viewed } from '../../../test/support/events.ts';
import type { Caller } from './caller.ts';
import { publishProblem } from './events.ts';
import { isKeyOf, keyId, keyTrouble, makeKey, readRecord, verifyingKey } from './key.ts';
import { createRate } from './rate.ts';
import { readToken, signToken, tokenKeyId } from './token.ts';

const NOW = Date.UTC(2026, 0, 1);
const made = makeKey({ name: 'shop', scopes: ['recommend', 'events:user'], now: NOW, expires: NOW + 60_000 });

describe('a key', () => {
  it('matches its own hash, and no other key does', () => {
    const { key, record } = made;
    expect(keyId(key)).toBe(record.id);
    expect(isKeyOf(key, record)).toBe(true);
    const last = key.at(-1) === 'A' ? 'B' : 'A';
    expect(isKeyOf(key.slice(0, -1) + last, record)).toBe(false);
    expect(isKeyOf(makeKey({ name: 'other', scopes: ['admin'], now: NOW }).key, record)).toBe(false);
  });

  it('cannot be recovered from its record', () => {
    const text = JSON.stringify(made.record);
    expect(text).not.toContain(made.key);
    expect(text).not.toContain(made.key.slice(-43));
  });

  it('is not valid after it expires or is revoked', () => {
    const { record } = made;
    expect(keyTrouble(record, NOW)).toBeUndefined();
    expect(keyTrouble(record, NOW + 60_000)).toBe('expired');
    expect(keyTrouble({ ...record, revoked: new Date(NOW).toISOString() }, NOW)).toBe('revoked');
  });

  it('is read back from its record; a broken record is refused', () => {
    expect(readRecord(JSON.stringify(made.record))).toEqual(made.record);
    for (const broken of [
      '',
      'null',
      '[]',
      '{}',
      JSON.stringify({ ...made.record, scopes: ['everything'] }),
      JSON.stringify({ ...made.record, hash: '' }),
      JSON.stringify({ ...made.record, revoked: 'soon' }),
    ])
      expect(readRecord(broken), broken).toBeUndefined();
  });
});

describe('a token', () => {
  const claims = { user: 'ü 42', scopes: ['recommend'] as const, expires: NOW / 1_000 + 60 };
  const sign = () => signToken(made.key, made.record.id, claims, NOW);
  const verifier = verifyingKey(made.record);

  it('is verified with the record of the key that signed it', async () => {
    const token = await sign();
    expect(tokenKeyId(token)).toBe(made.record.id);
    expect(await readToken(token, verifier, NOW)).toEqual(claims);
  });

  it('is refused with another key, after a change, and after it expires', async () => {
    const token = await sign();
    const other = makeKey({ name: 'other', scopes: ['admin'], now: NOW });
    expect(await readToken(token, verifyingKey(other.record), NOW)).toBe('invalid');
    const [head, body, signature] = token.split('.') as [string, string, string];
    const payload = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...payload, sub: 'u43' })).toString('base64url');
    expect(await readToken(`${head}.${forged}.${signature}`, verifier, NOW)).toBe('invalid');
    expect(await readToken(token, verifier, NOW + 61_000)).toBe('expired');
  });

  it('with the algorithm none, or another one, is refused', async () => {
    const [, body] = (await sign()).split('.') as [string, string];
    for (const alg of ['none', 'HS256']) {
      const head = Buffer.from(JSON.stringify({ alg, kid: made.record.id })).toString('base64url');
      expect(tokenKeyId(`${head}.${body}.`)).toBeUndefined();
      expect(await readToken(`${head}.${body}.`, verifier, NOW)).toBe('invalid');
    }
    for (const text of ['', 'a.b', 'a.b.c', 'x'.repeat(10_000)]) expect(tokenKeyId(text)).toBeUndefined();
  });
});

describe('publishing', () => {
  const token: Caller = {
    kind: 'token',
    id: 'k',
    scopes: new Set(['events:user']),
    user: 'u1',
    session: 's1',
    source: 'shop/u1',
    sessionSource: 'shop/s1',
    expires: NOW,
  };
  const [own, ofSession] = [{ source: 'shop/u1' }, { source: 'shop/s1' }];
  const link = (user: string, session: unknown) => ({ type: 'user.linked.v1', subject: user, data: { session } });

  test.each([
    ['their own event', viewed('u1', 'i', own), undefined],
    ['an event of their session', viewed('s1', 'i', ofSession), undefined],
    ['their own event under another source', viewed('u1', 'i', { source: 'shop' }), 'FRESHET_OTHER_SOURCE'],
    ['their own event under the source of their session', viewed('u1', 'i', ofSession), 'FRESHET_OTHER_SOURCE'],
    ['an event of their session under their own source', viewed('s1', 'i', own), 'FRESHET_OTHER_SOURCE'],
    ['the link to their session', link('u1', 's1'), undefined],
    ["another user's event", viewed('u2', 'i'), 'FRESHET_OTHER_USER'],
    ['a link to an id that is not their session', link('u1', 'u2'), 'FRESHET_OTHER_USER'],
    ['a link of their session to them, the wrong way round', link('s1', 'u1'), 'FRESHET_OTHER_USER'],
    ['content', { type: 'content.published.v1', subject: 'u1', data: {} }, 'FRESHET_SCOPE_MISSING'],
  ])('with a token for a user: %s', (_what, event, code) => {
    expect(publishProblem(token, event)?.code).toBe(code);
  });

  test('with a key: its scopes decide; admin allows all', () => {
    const key = (...scopes: ('events:content' | 'recommend' | 'admin')[]): Caller => ({
      kind: 'key',
      name: 'k',
      id: 'k',
      scopes: new Set(scopes),
      ratePerS: null,
      expires: Number.POSITIVE_INFINITY,
    });
    const item = { type: 'content.published.v1', subject: 'i' };
    const shown = { type: 'feedback.served.v1', subject: 'u' };
    expect(publishProblem(key('events:content'), item)).toBeUndefined();
    expect(publishProblem(key('events:content'), shown)?.code).toBe('FRESHET_SCOPE_MISSING');
    expect(publishProblem(key('recommend'), item)?.code).toBe('FRESHET_SCOPE_MISSING');
    expect(publishProblem(key('admin'), shown)).toBeUndefined();
  });
});

describe('the rate', () => {
  it('never lets more requests through than burst and time allow, and never fewer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 }),
        (perS, burstS, pauses) => {
          let time = 0;
          const rate = createRate({ perS, burstS, now: () => time });
          let passed = 0;
          for (const pause of pauses) {
            time += pause;
            const wait = rate.take('a');
            if (wait === 0) passed++;
            else {
              // Wait exactly as long as the answer says.
              time += Math.ceil(wait * 1_000);
              expect(rate.take('a')).toBe(0);
              passed++;
            }
            expect(passed).toBeLessThanOrEqual(perS * burstS + (time / 1_000) * perS + 1e-6);
          }
        },
      ),
    );
  });

  it('counts each caller apart, drops the least recent callers, and is off at 0', () => {
    const rate = createRate({ perS: 1, burstS: 1, capacity: 2, now: () => 0 });
    expect([rate.take('a'), rate.take('b')]).toEqual([0, 0]);
    expect(rate.take('a')).toBeGreaterThan(0);
    expect(rate.take('c')).toBe(0);
    expect(rate.take('b')).toBe(0);
    expect(createRate({ perS: 0, burstS: 1 }).take('a')).toBe(0);
    expect(rate.take('d', 0.5)).toBe(0);
    expect(rate.take('d', 0.5)).toBe(2);
  });
});
