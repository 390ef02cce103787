import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../test/support/tempdir.ts';
import { readContext } from './nats-context.ts';

function contextsWith(name: string, context: object): NodeJS.ProcessEnv {
  const home = tempDir('contexts');
  mkdirSync(join(home, 'nats', 'context'), { recursive: true });
  writeFileSync(join(home, 'nats', 'context', `${name}.json`), JSON.stringify(context));
  return { XDG_CONFIG_HOME: home };
}

it('takes the address, the credentials and the authority of a context', () => {
  const env = contextsWith('shop', {
    ...{ description: 'Shop', url: 'nats://10.0.0.5:4222', token: '', user: '', password: '', creds: '', cert: '' },
    ...{ nkey: '~/keys/shop.nk', ca: '/etc/ca.pem', key: '', nsc: '', inbox_prefix: '', color_scheme: 'red' },
  });
  expect(readContext('shop', env)).toEqual({
    url: 'nats://10.0.0.5:4222',
    credentials: join(homedir(), 'keys/shop.nk'),
    ca: '/etc/ca.pem',
  });
});

it('puts a user or a token of a context into the address', () => {
  const user = contextsWith('user', { url: 'nats://old:one@h:1', user: 'me', password: 'p/w' });
  expect(readContext('user', user).url).toBe('nats://me:p%2Fw@h:1');
  expect(readContext('token', contextsWith('token', { url: 'h:1', token: 't' })).url).toBe('nats://t@h:1');
});

it('refuses a context that it does not find, or cannot apply', () => {
  const env = contextsWith('shop', { url: 'nats://h:1', jetstream_domain: 'hub', nsc: 'nsc://me' });
  expect(() => readContext('shop', env)).toThrow('sets nsc, jetstream_domain, which Freshet does not apply');
  expect(() => readContext('other', env)).toThrow('Freshet cannot read the context other');
  expect(() => readContext('../shop', env)).toThrow('is not the name of a context');
});
