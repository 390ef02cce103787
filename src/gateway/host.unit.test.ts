import { expect, test } from 'vitest';
import { ConfigInvalidError } from '../errors.ts';
import { checkHost, isLoopback, urlOf } from './host.ts';
import { testConfig } from './stack.fixture.ts';

test.each(['127.0.0.1', '127.8.9.10', 'localhost', 'LOCALHOST', '::1', '0:0:0:0:0:0:0:1'])(
  '%s is reached from this machine only',
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

test.each(['0.0.0.0', '::', '192.168.0.4', 'example.org', '127.example.org', 'localhost.example.org', ''])(
  '%s may be reached by others',
  (host) => {
    expect(isLoopback(host)).toBe(false);
  },
);

test('an address that other machines reach needs a setting that allows it', () => {
  expect(() => checkHost(testConfig({ host: '0.0.0.0' }))).toThrow(ConfigInvalidError);
  expect(() => checkHost(testConfig({ host: '0.0.0.0' }))).toThrow(/http.keys is auto/);
  expect(() => checkHost(testConfig({ host: '0.0.0.0', allow_remote: true }))).not.toThrow();
  expect(() => checkHost(testConfig({ host: '0.0.0.0', keys: 'required' }))).not.toThrow();
});

test('a caller can use the URL of the gateway', () => {
  expect(urlOf('127.0.0.1', 80)).toBe('http://127.0.0.1:80');
  expect(urlOf('0.0.0.0', 80)).toBe('http://127.0.0.1:80');
  expect(urlOf('::1', 80)).toBe('http://[::1]:80');
});
