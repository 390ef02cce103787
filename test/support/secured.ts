/** A nats-server with the accounts of `freshet secure init`, and connections as each of its identities. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { connect } from '../../src/bus/nats/connection.ts';
import { completeConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { accountsFile, derivedFiles, keyFile, readIdentities, serverFile } from '../../src/secure/files.ts';
import { type InitOptions, initSecure } from '../../src/secure/init.ts';
import { freePort, type StartNatsServerOptions, startNatsServer, type TestNatsServer } from './nats.ts';
import { makeTempDir, removeTempDir } from './tempdir.ts';

export interface SecuredServer {
  readonly server: TestNatsServer;
  /** The folder of `freshet secure init`. */
  readonly dir: string;
  readonly url: string;
  /** Settings of a service that runs on this server. */
  config(changes?: Record<string, unknown>): Config;
  /** A connection as an identity; `stop` closes it. */
  as(name: string): Promise<NatsConnection>;
  /** Lets the server read its configuration again. */
  reload(): void;
  stop(): Promise<void>;
}

export interface SecuredOptions extends Partial<Omit<InitOptions, 'dir' | 'config'>> {
  /** Without the permissions of users outside of Freshet's account: what the accounts alone separate. */
  withoutPermissions?: boolean;
  server?: StartNatsServerOptions;
}

export async function startSecured({
  withoutPermissions,
  server: given,
  ...options
}: SecuredOptions = {}): Promise<SecuredServer> {
  const parent = makeTempDir('secured');
  const dir = join(parent, 'bus');
  const port = await freePort();
  await initSecure({
    dir,
    listen: `127.0.0.1:${port}`,
    storeDir: 'store',
    apps: ['shop'],
    discovery: false,
    inboxPrefixes: [],
    tls: null,
    config: completeConfig({}),
    ...options,
  });
  if (withoutPermissions) {
    const text = derivedFiles(dir, readIdentities(dir)).get(accountsFile(dir)) as string;
    const [inner, ...outer] = text.split(/^(?= {2}"reader")/m) as [string, ...string[]];
    writeFileSync(accountsFile(dir), inner + outer.join('').replaceAll(/^ {8}permissions \{\n(.*\n){2} {8}\}\n/gm, ''));
  }
  const running = await startNatsServer({ ...given, jetstream: false, dir, port, args: ['-c', serverFile(dir)] });
  const { tls } = readIdentities(dir);
  const ca = tls ? join(dir, tls.ca) : '';
  const clients: NatsConnection[] = [];
  const as = async (name: string): Promise<NatsConnection> => {
    const access = { credentials: keyFile(dir, name), ca: ca || undefined };
    const nc = await connect({ url: running.url, name, access, reconnectMs: 20 });
    clients.push(nc);
    return nc;
  };
  const stop = async (): Promise<void> => {
    for (const nc of clients) await nc.close();
    await running.stop();
    removeTempDir(parent);
  };
  return {
    server: Object.create(running, { connect: { value: () => as('operator') }, stop: { value: stop } }),
    dir,
    url: running.url,
    config: (changes = {}) =>
      completeConfig({
        ...changes,
        nats: { credentials: keyFile(dir, 'services'), answer_credentials: keyFile(dir, 'answers'), ca },
      }),
    as,
    reload: () => process.kill(running.pid as number, 'SIGHUP'),
    stop,
  };
}
