/** A service whose answers leave by an identity that may publish to inboxes and nowhere else. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createInbox, type NatsConnection, nkeys } from 'nats';
import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { makeTempDir, removeTempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { completeConfig } from '../../config/load.ts';
import { startUser } from '../../user/start.ts';
import { replySubjects } from '../nats/reply-subjects.ts';
import type { RunningService } from './description.ts';

let server: TestNatsServer | undefined;
let service: RunningService | undefined;
let folder: string;
let logged: Record<string, unknown>[];
const clients: NatsConnection[] = [];

/** Starts a server, and a service on it, which may not subscribe to some subjects. */
async function start(denied: string[] = []): Promise<RunningService> {
  folder = makeTempDir('answers');
  const key = nkeys.createUser();
  const seed = join(folder, 'answers.nk');
  writeFileSync(seed, key.getSeed(), { mode: 0o600 });
  const permissions = { publish: { allow: replySubjects() }, subscribe: { deny: ['>'] } };
  const conf = join(folder, 'server.conf');
  writeFileSync(
    conf,
    `authorization { users: [
       { user: client, password: c-1 }
       { user: freshet, password: f-1, permissions: ${JSON.stringify({ subscribe: { deny: denied } })} }
       { nkey: ${key.getPublicKey()}, permissions: ${JSON.stringify(permissions)} }
     ] }`,
  );
  server = await startNatsServer({ args: ['-c', conf] });
  logged = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const config = completeConfig({ nats: { answer_credentials: seed } });
  const natsUrl = server.url.replace('nats://', 'nats://freshet:f-1@');
  service = await startUser({ config, natsUrl, data: folder, healthPort: 0, logger });
  return service;
}
async function client(): Promise<NatsConnection> {
  const nc = await connect({ servers: server?.url ?? '', user: 'client', pass: 'c-1' });
  clients.push(nc);
  return nc;
}
afterEach(async () => {
  for (const nc of clients.splice(0)) await nc.close();
  await service?.stop();
  service = undefined;
  await server?.stop();
  server = undefined;
  removeTempDir(folder);
});

it('answers requests and discovery, also after a restart of the server', async () => {
  await start();
  const nc = await client();
  const answers = async (): Promise<void> => {
    expect((await nc.request('freshet.user.status', '{}', { timeout: 2_000 })).json()).toMatchObject({
      service: 'user',
    });
    const names: string[] = [];
    for await (const { name } of await nc.services.client().ping()) names.push(name);
    expect(names).toEqual(['freshet-user']);
  };
  await answers();
  await server?.restart();
  await until(() => answers().then(() => true), { within: 30_000 });
});

it('sends nothing where the server does not let it, and goes on', async () => {
  await start();
  const nc = await client();
  let heard = 0;
  const inbox = createInbox('_INBOX_app');
  nc.subscribe(inbox, {
    callback: () => {
      heard++;
    },
  });
  nc.publish('freshet.user.status', '{}', { reply: inbox });
  expect((await nc.request('freshet.user.status', '{}', { timeout: 2_000 })).json()).toMatchObject({ service: 'user' });
  expect(heard).toBe(0);
  await until(() => logged.length > 0);
  expect(logged).toEqual([expect.objectContaining({ below: '_INBOX_app', answers: 1 })]);
});

it('does not start if it may not listen for requests', async () => {
  await expect(start(['freshet.user.>'])).rejects.toMatchObject({
    code: 'FRESHET_LISTENING_REFUSED',
    next: expect.stringContaining('freshet.>'),
  });
});
