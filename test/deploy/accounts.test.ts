/** Readers, publishers and callers in accounts of their own, with the configuration of docs/how-to/watch-rankings.md. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect, createInbox, headers, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../../scripts/setup.mjs';
import { encodeToken } from '../../src/bus/event/ids.ts';
import { call, serveMicro } from '../../src/bus/nats/micro.ts';
import type { RunningService } from '../../src/bus/service/description.ts';
import { completeConfig } from '../../src/config/load.ts';
import { startContent } from '../../src/content/start.ts';
import { startEngine } from '../../src/engine/start.ts';
import { startFeedback } from '../../src/feedback/start.ts';
import { startUser } from '../../src/user/start.ts';
import { silent } from '../support/counting.ts';
import { outgoing, viewed } from '../support/events.ts';
import { startNatsServer, type TestNatsServer } from '../support/nats.ts';
import { ENTRY } from '../support/system.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

const PASSWORDS = { FRESHET_PASSWORD: 'f-1', APP_PASSWORD: 'a-1', READER_PASSWORD: 'r-1' };
const config = completeConfig({
  erasure: { look_ms: 20, rebuild_after_ms: 600_000, server_index_ms: 0 },
  projection: { batch_rest_ms: 0 },
});
type User = 'freshet' | 'app' | 'reader';

let server: TestNatsServer;
let data: string;
const services: RunningService[] = [];
const clients: NatsConnection[] = [];

const urlOf = (user: User): string => server.url.replace('nats://', `nats://${user}:${user[0]}-1@`);
async function as(user: User, options: ConnectionOptions = {}): Promise<NatsConnection> {
  const nc = await connect({
    servers: server.url,
    user,
    pass: `${user[0]}-1`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 20,
    ...options,
  });
  clients.push(nc);
  return nc;
}
async function startServices(): Promise<void> {
  for (const start of [startUser, startContent, startFeedback, startEngine])
    services.push(await start({ config, natsUrl: urlOf('freshet'), data, healthPort: 0, logger: silent }));
}

beforeAll(async () => {
  Object.assign(process.env, PASSWORDS);
  data = makeTempDir('accounts');
  const page = readFileSync(join(ROOT, 'docs/how-to/watch-rankings.md'), 'utf8');
  const example = /```conf\n([\s\S]*?)```/.exec(page)?.[1] as string;
  const file = join(data, 'nats-server.conf');
  writeFileSync(file, example.replace('store_dir: jetstream', `store_dir: ${JSON.stringify(join(data, 'jetstream'))}`));
  server = await startNatsServer({ jetstream: false, args: ['-c', file] });
  await startServices();
});
afterAll(async () => {
  for (const nc of clients) await nc.close();
  for (const service of services) await service.stop();
  await server?.stop();
  if (data) removeTempDir(data);
  for (const name of Object.keys(PASSWORDS)) delete process.env[name];
});

/** Publishes views of a user by way of the account of applications. */
async function view(app: NatsConnection, user: string, item: string): Promise<{ seq: number; duplicate?: boolean }> {
  const { subject, identity, payload } = outgoing(viewed(user, item));
  const id = headers();
  id.set('Nats-Msg-Id', identity);
  return (await app.request(subject, payload, { headers: id, timeout: 4_500 })).json();
}

interface Line {
  user?: string;
  seq?: number;
  removed?: true;
}
/** A process that prints a line of JSON for each ranking. */
function watcher(command: string, ...args: string[]): { lines: Line[]; child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: ROOT });
  let text = '';
  let errors = '';
  const lines: Line[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
    lines.splice(
      0,
      lines.length,
      ...text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Line),
    );
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  return { lines, child, said: () => errors };
}

describe('from an account of its own', () => {
  it('publishing is acknowledged, and lists can be requested', async () => {
    const app = await as('app');
    const first = await view(app, 'p1', 'i1');
    expect(first).toMatchObject({ stream: 'EVENTS', seq: expect.any(Number) });
    expect(await call(app, 'freshet.engine.recommend', { user: 'p1', min_seq: first.seq })).toMatchObject({
      user: 'p1',
    });
    await expect(app.request('ev.content.i1.published', '{}')).rejects.toMatchObject({ code: '503' });
    await expect(call(app, 'freshet.user.get', { user: 'p1' })).rejects.toMatchObject({
      code: 'FRESHET_SERVICE_UNAVAILABLE',
    });
  });

  it.each([
    ['freshet tail', ENTRY, (user: string) => ['tail', '--json', '--ranking', user, '--nats', urlOf('reader')]],
    ['the example', join(ROOT, 'examples/node/watch-ranking.mjs'), (user: string) => [urlOf('reader'), user]],
  ] as const)(
    '%s shows a ranking as it moves, also after a restart of the server, until its user is forgotten',
    async (_name, command, args) => {
      const app = await as('app');
      const freshet = await as('freshet');
      const user = `tail ${command.length}/ü`;
      const before = await view(app, user, 'i1');
      await until(async () => (await direct(freshet, user))?.seq !== undefined);
      const { lines, said } = watcher(command, ...args(user));
      await until(() => lines.length > 0, { what: 'the ranking of before', within: 30_000 });
      expect(lines[0]?.seq).toBeGreaterThanOrEqual(before.seq);

      const { seq } = await view(app, user, 'i2');
      await until(() => (lines.at(-1)?.seq ?? 0) >= seq, { what: 'the next ranking', within: 30_000 });

      await server.restart();
      const after = await until(() => view(app, user, 'i3').catch(() => undefined), { within: 30_000 });
      await until(() => (lines.at(-1)?.seq ?? 0) >= after.seq, { what: 'the ranking after a restart', within: 30_000 });
      const seqs = lines.map((line) => line.seq as number);
      expect(seqs).toEqual([...seqs].sort((a, b) => a - b));

      await until(() => call(freshet, 'freshet.user.forget', { user }).catch(() => undefined), { within: 30_000 });
      await until(() => lines.at(-1)?.removed, { what: `the end of the ranking; ${said()}`, within: 30_000 });
      const jsm = await freshet.jetstreamManager();
      const key = `$KV.rankings.user.${encodeToken(user)}`;
      await until(async () => {
        const { state } = await jsm.streams.info('KV_rankings', { subjects_filter: key });
        return state.subjects?.[key] === undefined;
      });
      expect(said()).not.toContain('FRESHET_');
    },
  );

  it('tells a caller whose account lacks the imports what is missing', async () => {
    const { child, said } = watcher(ENTRY, 'tail', '--ranking', 'u1', '--nats', urlOf('app'));
    const [code] = await once(child, 'exit');
    expect(said()).toMatch(/FRESHET_BUCKET_UNREADABLE.*rankings.*\nNext: .*watch-rankings/s);
    expect(code).toBe(1);
  });

  it('a reader gets no more than rankings', async () => {
    const reader = await as('reader');
    // Of a JetStream subject that nobody exports, 2.9.10 says nothing and newer servers say 503.
    for (const subject of [
      '$JS.API.DIRECT.GET.KV_keys.$KV.keys.k1',
      '$JS.API.DIRECT.GET.KV_rankings',
      '$JS.API.STREAM.MSG.GET.KV_rankings',
      '$JS.API.CONSUMER.CREATE.KV_rankings',
      '$JS.API.STREAM.PURGE.KV_rankings',
      '$JS.API.DIRECT.GET.EVENTS.ev.user.p1.viewed',
      'freshet.engine.recommend',
      'freshet.user.forget',
      'ev.user.p1.viewed',
      '$KV.rankings.user.p1',
      '$SRV.PING',
    ])
      expect(
        await reader.request(subject, '{}', { timeout: 2_000 }).then(
          (message) => message.string(),
          (err: { code: string }) => err.code,
        ),
        subject,
      ).toMatch(/^(503|TIMEOUT)$|JetStream not enabled for account/);
  });

  it('discovery finds every instance where it is exported, and none where it is not', async () => {
    const app = await as('app');
    for (const ask of ['ping', 'info', 'stats'] as const) {
      const names: string[] = [];
      for await (const { name } of await app.services.client()[ask]()) names.push(name);
      expect(names.sort(), ask).toEqual(['freshet-content', 'freshet-engine', 'freshet-feedback', 'freshet-user']);
    }
    const freshet = [await as('freshet'), await as('freshet')];
    for (const nc of freshet) {
      const twice = {
        name: 'freshet-twice',
        version: '1.0.0',
        description: 'x',
        prefix: 'freshet.twice',
        endpoints: {},
      };
      const micro = await serveMicro(nc, twice);
      onTestFinished(() => void micro.stop());
    }
    for (const ask of ['ping', 'info', 'stats'] as const) {
      const ids = new Set<string>();
      for await (const { id } of await app.services.client()[ask]('freshet-twice')) ids.add(id);
      expect(ids.size, ask).toBe(2);
    }
    const one: string[] = [];
    for await (const { name } of await app.services.client().stats('freshet-engine')) one.push(name);
    expect(one).toEqual(['freshet-engine']);
    const reader = await as('reader');
    const ping = async (): Promise<void> => {
      for await (const _ of await reader.services.client().ping());
    };
    await expect(ping()).rejects.toMatchObject({ code: '503' });
  });

  it('a reply subject stays in the account of the caller', async () => {
    const app = await as('app');
    const freshet = await as('freshet');
    const jsm = await freshet.jetstreamManager();
    const contents = async () => {
      const { state: events } = await jsm.streams.info('EVENTS');
      const { state: keys } = await jsm.streams.info('KV_keys');
      return [events.last_seq, keys.last_seq];
    };
    const before = await contents();
    for (const reply of ['ev.control.x.erased', 'ev.user.p1.viewed', '$KV.keys.k1', '$JS.API.STREAM.PURGE.EVENTS']) {
      app.publish('freshet.engine.recommend', '{"user":"p1"}', { reply });
      app.publish('$SRV.PING', '', { reply });
    }
    const inbox = createInbox();
    let answers = 0;
    app.subscribe(inbox, {
      callback: () => {
        answers++;
      },
    });
    app.publish('freshet.engine.recommend', '{"user":"p1"}', { reply: inbox });
    await until(() => answers === 1);
    expect(await contents()).toEqual(before);
  });
});

/** The ranking of a user in the bucket. */
async function direct(freshet: NatsConnection, user: string): Promise<{ seq: number } | undefined> {
  const answer = await freshet.request(`$JS.API.DIRECT.GET.KV_rankings.$KV.rankings.user.${encodeToken(user)}`);
  return answer.headers?.code === 404 ? undefined : answer.json();
}
