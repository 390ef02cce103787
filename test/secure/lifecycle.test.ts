/** Applications, keys and certificates that come and go on a running nats-server, by `freshet secure` and a reload. */
import { execFile } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { connect as dialTls } from 'node:tls';
import { promisify } from 'node:util';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/bus/nats/connection.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { accountsFile, keyFile } from '../../src/secure/files.ts';
import { outgoing, viewed } from '../support/events.ts';
import { natsServerProgram } from '../support/nats.ts';
import { type SecuredServer, startSecured } from '../support/secured.ts';
import { ENTRY } from '../support/system.ts';
import { until } from '../support/wait.ts';

let bus: SecuredServer;
const run = promisify(execFile);

interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `freshet secure` on the folder of the bus. */
const secure = (...words: string[]): Promise<Said> =>
  run(process.execPath, [ENTRY, 'secure', ...words, '--dir', bus.dir]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Said) => ({ code, stdout, stderr }),
  );

/** Runs the command that a verb names for a reload of the server. */
async function reloadAs({ stderr }: Said): Promise<void> {
  const [, command = ''] = /^Next: (.*)$/m.exec(stderr) ?? [];
  expect(command).toContain('nats-server --signal reload=');
  const { path } = await natsServerProgram();
  await run('sh', ['-c', command], {
    env: { ...process.env, PATH: `${dirname(path)}${delimiter}${process.env.PATH}` },
  });
}

function publish(nc: NatsConnection, item: string): Promise<{ seq: number }> {
  const { subject, identity, payload } = outgoing(viewed('u1', item));
  return nc.jetstream().publish(subject, payload, { msgID: identity, timeout: 1_000 });
}

const refused = async (name: string, file = keyFile(bus.dir, name)): Promise<boolean> => {
  const access = { credentials: file, ca: join(bus.dir, 'tls/ca.pem') };
  try {
    await (await connect({ url: bus.url, name, access })).close();
    return false;
  } catch (err) {
    return (err as { code?: string }).code === 'FRESHET_NATS_REFUSED';
  }
};

beforeAll(async () => {
  bus = await startSecured({ tls: { hosts: ['localhost', '127.0.0.1'] } });
  await applyStreams(await bus.as('operator'), {});
});
afterAll(() => bus?.stop());

describe('on a running server', () => {
  it('an added application gets in', async () => {
    const said = await secure('add-app', 'mail', '--may', 'publish,watch');
    expect(said).toMatchObject({ code: 0, stdout: expect.stringContaining(keyFile(bus.dir, 'app-mail')) });
    expect(await refused('app-mail')).toBe(true);
    await reloadAs(said);
    await until(async () => !(await refused('app-mail')));
    const nc = await bus.as('app-mail');
    expect((await until(() => publish(nc, 'i1').catch(() => undefined))).seq).toBe(1);
  });

  it('a removed application is cut off', async () => {
    const copy = join(bus.dir, '..', 'app-shop.nk');
    copyFileSync(keyFile(bus.dir, 'app-shop'), copy);
    const nc = await bus.as('app-shop');
    await publish(nc, 'i2');
    await reloadAs(await secure('remove-app', 'shop'));
    await until(() => refused('app-shop', copy));
    await expect(publish(nc, 'i3')).rejects.toThrow();
  });

  it('a rotated key replaces the old one, and processes that read the file go on', async () => {
    const copy = join(bus.dir, '..', 'services.nk');
    copyFileSync(keyFile(bus.dir, 'services'), copy);
    const nc = await bus.as('services');
    await reloadAs(await secure('rotate', 'services'));
    await until(() => refused('services', copy));
    await until(() => publish(nc, 'i4'), { within: 20_000 });
    // The reload has left the log as it was.
    const { state } = await (await nc.jetstreamManager()).streams.info('EVENTS');
    expect(state.messages).toBe(3);
  });

  it('a rotated certificate is shown to the next client, and needs no other authority', async () => {
    const before = await certificateOf(bus.server.port);
    await reloadAs(await secure('rotate', 'certificates'));
    await until(async () => (await certificateOf(bus.server.port)) !== before);
    expect(await refused('operator')).toBe(false);
    const stranger = connect({ url: bus.url, name: 'x', access: { credentials: keyFile(bus.dir, 'operator') } });
    await expect(stranger).rejects.toMatchObject({ code: 'FRESHET_NATS_CERTIFICATE' });
  });
});

it('checks the days left, the modes of files, and the configuration', async () => {
  expect(await secure('check')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/server\.pem +39\d/),
    stderr: expect.stringContaining('Nothing is wrong'),
  });
  chmodSync(keyFile(bus.dir, 'reader'), 0o644);
  appendFileSync(accountsFile(bus.dir), '# by hand\n');
  const { code, stderr } = await secure('check');
  expect(code).toBe(1);
  expect(stderr).toContain(`Next: chmod 600 ${keyFile(bus.dir, 'reader')}`);
  expect(stderr).toContain('accounts.conf is not what identities.json asks for');
  await secure('apply');
  chmodSync(keyFile(bus.dir, 'reader'), 0o600);
  expect((await secure('check')).code).toBe(0);
});

it('names what exists if somebody names what does not', async () => {
  expect(await secure('remove-app', 'nobody')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('name one of mail'),
  });
  expect(await secure('rotate', 'nobody')).toMatchObject({ code: 2, stderr: expect.stringContaining('services') });
  expect(await secure('add-app', 'mail', '--may', 'publish')).toMatchObject({ code: 2 });
  expect(await secure('add-app', 'x', '--may', 'everything')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('publish, recommend, read, watch'),
  });
});

/** The fingerprint of the certificate that the server shows. */
const certificateOf = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = dial(port, '127.0.0.1');
    socket.once('error', reject);
    // The server first says in plain text that it requires TLS.
    socket.once('data', () => {
      const encrypted = dialTls({ socket, rejectUnauthorized: false }, () => {
        resolve(encrypted.getPeerCertificate().fingerprint256);
        encrypted.destroy();
      });
      encrypted.once('error', reject);
    });
  });
