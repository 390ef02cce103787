import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from 'nats';
import { expect, it, onTestFinished } from 'vitest';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { completeConfig } from '../../config/load.ts';
import { accessOf, accessVariables, answerAccessOf } from './access.ts';
import { connect } from './connection.ts';

interface Keys {
  publicKey: string;
  seed: string;
}

function makeKeys(): Keys {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: Buffer.from(pair.getSeed()).toString() };
}

const allow = (file: string, { publicKey }: Keys): void =>
  writeFileSync(file, `authorization { users: [ { nkey: ${publicKey} } ] }\n`);

function fileOf(text: string, mode = 0o600): string {
  const file = join(tempDir('credentials'), 'key.nk');
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

async function serverFor(keys: Keys): Promise<{ server: TestNatsServer; conf: string }> {
  const conf = join(tempDir('nats-config'), 'server.conf');
  allow(conf, keys);
  const server = await startNatsServer({ args: ['-c', conf] });
  onTestFinished(() => server.stop());
  return { server, conf };
}

it('connects by the seed in a file, and takes a rotated one without a restart', async () => {
  const [first, second] = [makeKeys(), makeKeys()];
  const { server, conf } = await serverFor(first);
  const credentials = fileOf(`${first.seed}\n`);
  const nc = await connect({ url: server.url, name: 'test', reconnectMs: 10, access: { credentials } });
  onTestFinished(() => nc.close());
  let disconnected = false;
  void (async () => {
    for await (const { type } of nc.status()) disconnected ||= type === 'disconnect';
  })();

  writeFileSync(credentials, 'half a fil');
  allow(conf, second);
  process.kill(server.pid as number, 'SIGHUP');
  await until(() => disconnected);
  writeFileSync(credentials, second.seed);
  await until(() => nc.rtt(), { within: 20_000 });
});

it('connects by a .creds file', async () => {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
  const base64 = (value: string | Uint8Array): string => Buffer.from(value).toString('base64url');
  const jwt = (signer: typeof user, subject: typeof user, type: string): string => {
    const claims = { jti: type, iat: 1, iss: signer.getPublicKey(), name: type, sub: subject.getPublicKey() };
    const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
    const nats = { type, version: 2, ...(type === 'account' ? { limits } : { subs: -1, data: -1, payload: -1 }) };
    const text = `${base64('{"typ":"JWT","alg":"ed25519-nkey"}')}.${base64(JSON.stringify({ ...claims, nats }))}`;
    return `${text}.${base64(signer.sign(Buffer.from(text)))}`;
  };
  const conf = join(tempDir('nats-config'), 'server.conf');
  const preload = `{ ${account.getPublicKey()}: "${jwt(operator, account, 'account')}" }`;
  const own = `operator: "${jwt(operator, operator, 'operator')}"`;
  writeFileSync(conf, `${own}\nresolver: MEMORY\nresolver_preload: ${preload}\n`);
  const server = await startNatsServer({ jetstream: false, args: ['-c', conf] });
  onTestFinished(() => server.stop());
  const seed = Buffer.from(user.getSeed()).toString();
  const credentials = fileOf(
    `-----BEGIN NATS USER JWT-----\n${jwt(account, user, 'user')}\n------END NATS USER JWT------\n\n` +
      `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
  );
  await (await connect({ url: server.url, name: 'test', access: { credentials } })).close();
});

it('says which file the server refuses, and that it requires one', async () => {
  const { server } = await serverFor(makeKeys());
  const credentials = fileOf(makeKeys().seed);
  for (const waitOnFirstConnect of [false, true])
    await expect(
      connect({ url: server.url, name: 'test', waitOnFirstConnect, access: { credentials } }),
    ).rejects.toMatchObject({
      code: 'FRESHET_NATS_REFUSED',
      message: expect.stringContaining(`refuses the credentials in ${credentials}`),
    });
  await expect(connect({ url: server.url, name: 'test' })).rejects.toMatchObject({
    code: 'FRESHET_NATS_REFUSED',
    message: expect.stringContaining('requires credentials'),
  });
});

it.each([
  ['is missing', () => join(tempDir('credentials'), 'absent.nk'), 'does not exist'],
  ['is no seed', () => fileOf('hello'), 'is neither an nkey seed'],
  ['other users can read', () => fileOf(makeKeys().seed, 0o644), 'has the mode 644'],
])('refuses a file that %s, without its content in the message', async (_what, file, text) => {
  const credentials = file();
  const failed = connect({ url: 'nats://127.0.0.1:1', name: 'test', access: { credentials } });
  await expect(failed).rejects.toMatchObject({
    code: 'FRESHET_CREDENTIALS_UNUSABLE',
    message: expect.stringMatching(new RegExp(`${credentials}.*${text}`)),
    next: expect.stringMatching(/\S/),
  });
  await expect(failed).rejects.not.toMatchObject({ message: expect.stringMatching(/hello|SU[A-Z0-9]{5}/) });
});

it('answers by credentials of its own if the settings name some', () => {
  const nats = { credentials: 'a.nk', ca: 'ca.pem' };
  expect(answerAccessOf(completeConfig({ nats }))).toEqual({ credentials: 'a.nk', ca: 'ca.pem' });
  const config = completeConfig({ nats: { ...nats, answer_credentials: 'b.nk' } });
  expect(answerAccessOf(config)).toEqual({ credentials: 'b.nk', ca: 'ca.pem' });
  expect(accessOf(config)).toEqual({ credentials: 'a.nk', ca: 'ca.pem' });
  expect(accessVariables(config)).toEqual({
    FRESHET_NATS_CREDENTIALS: join(process.cwd(), 'a.nk'),
    FRESHET_NATS_ANSWER_CREDENTIALS: join(process.cwd(), 'b.nk'),
    FRESHET_NATS_CA: join(process.cwd(), 'ca.pem'),
  });
});
