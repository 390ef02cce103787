import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startNatsServer } from '../../../test/support/nats.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { connect } from './connection.ts';

it('reconnects when revoked credentials are restored, and fails at once with wrong ones', async () => {
  const config = join(tempDir('nats-config'), 'server.conf');
  const password = (text: string): void =>
    writeFileSync(config, `authorization { users: [ { user: service, password: "${text}" } ] }\n`);
  password('first');
  const server = await startNatsServer({ args: ['-c', config] });
  onTestFinished(() => server.stop());
  const url = (text: string): string => `nats://service:${text}@127.0.0.1:${server.port}`;
  await expect(connect({ url: url('wrong'), name: 'stranger', waitOnFirstConnect: true })).rejects.toMatchObject({
    code: 'FRESHET_NATS_REFUSED',
  });

  const nc = await connect({ url: url('first'), name: 'service', reconnectMs: 10 });
  onTestFinished(() => nc.close());
  let refused = 0;
  void (async () => {
    for await (const { type } of nc.status()) if (type === 'reconnecting') refused++;
  })();
  password('second');
  process.kill(server.pid as number, 'SIGHUP');
  // By itself the client gives up after two refusals.
  await until(() => refused > 4);
  expect(nc.isClosed()).toBe(false);
  password('first');
  process.kill(server.pid as number, 'SIGHUP');
  await until(() => nc.rtt(), { within: 20_000 });
});
