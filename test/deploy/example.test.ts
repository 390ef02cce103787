/** The example in deploy/nats: nats-server takes it, and its identities get in. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROOT } from '../../scripts/setup.mjs';
import { connect } from '../../src/bus/nats/connection.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { completeConfig } from '../../src/config/load.ts';
import { newCertificates, TLS_FILES } from '../../src/secure/certificate-files.ts';
import { EXAMPLE, exampleFiles, keyVariable } from '../../src/secure/example.ts';
import { outgoing, viewed } from '../support/events.ts';
import { freePort, startNatsServer, type TestNatsServer } from '../support/nats.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';

const before = { ...process.env };
const names = EXAMPLE.identities.map(({ name }) => name);
let folder: string;
let server: TestNatsServer;

beforeAll(async () => {
  folder = makeTempDir('example');
  for (const name of names) {
    const pair = nkeys.createUser();
    process.env[keyVariable(name)] = pair.getPublicKey();
    writeFileSync(join(folder, `${name}.nk`), pair.getSeed(), { mode: 0o600 });
  }
  await newCertificates(folder, ['localhost'], completeConfig({}));
  for (const name of exampleFiles().keys()) cpSync(join(ROOT, 'deploy/nats', name), join(folder, name));
  const port = await freePort();
  const file = join(folder, 'nats-server.conf');
  const example = readFileSync(file, 'utf8');
  mkdirSync(join(folder, EXAMPLE.store_dir));
  // The paths of the example are relative, and this process does not change its folder.
  const absolute = [EXAMPLE.store_dir, TLS_FILES.cert, TLS_FILES.key].reduce(
    (text, path) => text.replace(JSON.stringify(path), JSON.stringify(join(folder, path))),
    example.replace(EXAMPLE.listen, `127.0.0.1:${port}`),
  );
  writeFileSync(file, absolute);
  server = await startNatsServer({ jetstream: false, dir: folder, port, args: ['-c', file] });
});
afterAll(async () => {
  await server?.stop();
  removeTempDir(folder);
  for (const name of names)
    if (before[keyVariable(name)] === undefined) delete process.env[keyVariable(name)];
    else process.env[keyVariable(name)] = before[keyVariable(name)];
});

it('lets every identity in, and applications publish events and no control events', async () => {
  const as = (name: string) =>
    connect({
      url: server.url,
      name,
      access: { credentials: join(folder, `${name}.nk`), ca: join(folder, TLS_FILES.ca) },
    });
  for (const name of names) await (await as(name)).close();
  const operator = await as('operator');
  await applyStreams(operator);
  const app = await as('app-shop');
  const { subject, identity, payload } = outgoing(viewed('u1', 'i1'));
  expect(await app.jetstream().publish(subject, payload, { msgID: identity })).toMatchObject({
    stream: 'EVENTS',
    seq: 1,
  });
  await expect(app.jetstream().publish('ev.control.x.erased', '{}')).rejects.toThrow(/permissions violation/i);
  await app.close();
  await operator.close();
});
