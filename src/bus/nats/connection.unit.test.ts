import { describe, expect, it } from 'vitest';
import { compareVersions, withoutCredentials } from './connection.ts';

describe('versions', () => {
  it.each([
    ['2.9.10', '2.9.9', 1],
    ['2.10.0', '2.9.25', 1],
    ['2.9.10', '2.9.10', 0],
    ['v2.9.10', '2.9.10', 0],
    ['2.11.0-RC.2', '2.11.0', 0],
    ['2.11', '2.11.0', 0],
    ['1.99.99', '2.0.0', -1],
  ])('%s against %s is %i', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
    expect(Math.sign(compareVersions(b, a))).toBe(sign === 0 ? 0 : -sign);
  });
});

describe('an address', () => {
  it('is shown without its password', () => {
    expect(withoutCredentials('nats://me:secret@127.0.0.1:4222')).toBe('nats://127.0.0.1:4222');
    expect(withoutCredentials('nats://127.0.0.1:4222')).toBe('nats://127.0.0.1:4222');
  });
});
