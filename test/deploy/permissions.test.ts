/** The example of a guarded nats-server: what each of its users can do, and can't. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/setup.mjs';
import type { Erasure } from '../../src/bus/erasure/ledger.ts';
import { call } from '../../src/bus/nats/micro.ts';
import type { RunningService } from '../../src/bus/service/description.ts';
import { completeConfig } from '../../src/config/load.ts';
import { startContent } from '../../src/content/start.ts';
import { startEngine } from '../../src/engine/start.ts';
import { startFeedback } from '../../src/feedback/start.ts';
import { startUser } from '../../src/user/start.ts';
import { silent } from '../support/counting.ts';
import { outgoing, viewed } from '../support/events.ts';
import { startNatsServer, type TestNatsServer } from '../support/nats.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

const PASSWORDS = { FRESHET_PASSWORD: 'f-1', APP_PASSWORD: 'a-1', PRIVACY_PASSWORD: 'p-1', READER_PASSWORD: 'r-1' };
const before = { ...process.env };
const config = completeConfig({ erasure: { look_ms: 20, rebuild_after_ms: 600_000 } });

let server: TestNatsServer;
let data: string;
const services: RunningService[] = [];
const clients: NatsConnection[] = [];

async function as(user: 'freshet' | 'app' | 'privacy' | 'reader'): Promise<NatsConnection> {
  const options: ConnectionOptions = {
    servers: server.url,
    user,
    pass: `${user[0]}-1`,
    ...(user === 'freshet' ? {} : { inboxPrefix: `_INBOX_${user}` }),
  };
  const nc = await connect(options);
  clients.push(nc);
  return nc;
}
/** A request that the server lets nobody hear. */
const refused = async (work: Promise<unknown>): Promise<void> => {
  await expect(work).rejects.toMatchObject({
    message: expect.stringMatching(/permissions violation|timeout|no responders/i),
  });
};
const ask = (nc: NatsConnection, subject: string, request: object = {}): Promise<unknown> =>
  nc.request(subject, JSON.stringify(request), { timeout: 4_500 });

beforeAll(async () => {
  Object.assign(process.env, PASSWORDS);
  data = makeTempDir('permissions');
  const example = readFileSync(join(ROOT, 'deploy/nats/nats-server.conf'), 'utf8');
  const file = join(data, 'nats-server.conf');
  writeFileSync(file, example.replace('store_dir: jetstream', `store_dir: ${JSON.stringify(join(data, 'jetstream'))}`));
  server = await startNatsServer({ jetstream: false, args: ['-c', file] });
  const natsUrl = server.url.replace('nats://', 'nats://freshet:f-1@');
  for (const start of [startUser, startContent, startFeedback, startEngine])
    services.push(await start({ config, natsUrl, data, healthPort: 0, logger: silent }));
});
afterAll(async () => {
  for (const nc of clients) await nc.close();
  for (const service of services) await service.stop();
  await server?.stop();
  if (data) removeTempDir(data);
  for (const name of Object.keys(PASSWORDS)) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
});

describe('on a guarded server', () => {
  it('applications publish events and send requests, and nothing more', async () => {
    const app = await as('app');
    const { subject, identity, payload } = outgoing(viewed('u1', 'i1'));
    const { seq } = await app.jetstream().publish(subject, payload, { msgID: identity });
    expect(await call(app, 'freshet.user.get', { user: 'u1', min_seq: seq, timeout_ms: 10_000 })).toMatchObject({
      events: 1,
    });
    expect(await call(app, 'freshet.engine.recommend', { user: 'u1' })).toMatchObject({ user: 'u1' });

    const control = { specversion: '1.0', id: 'x', source: 'me', type: 'control.erased.v1', subject: 'x', data: {} };
    await refused(ask(app, 'ev.control.x.erased', control));
    for (const endpoint of ['forget', 'export', 'erasure', 'held'])
      await refused(ask(app, `freshet.user.${endpoint}`, { user: 'u1' }));
    await refused(ask(app, '$JS.API.STREAM.PURGE.EVENTS'));
    await refused(ask(app, '$JS.API.STREAM.DELETE.EVENTS'));
    await refused(ask(app, '$JS.API.STREAM.MSG.GET.KV_erasures', { last_by_subj: '$KV.erasures.key' }));
    await refused(ask(app, '$JS.API.STREAM.MSG.GET.KV_keys', { last_by_subj: '$KV.keys.>' }));
    const freshet = await as('freshet');
    const { state } = await (await freshet.jetstreamManager()).streams.info('EVENTS');
    expect(state).toMatchObject({ messages: 1, last_seq: 1 });
  });

  it('only the erase permission allows to forget and export', async () => {
    const privacy = await as('privacy');
    expect(await call(privacy, 'freshet.user.export', { user: 'u1' })).toMatchObject({ user: 'u1', ids: ['u1'] });
    await refused(ask(privacy, 'ev.user.u1.viewed', viewed('u1', 'i1')));
    await refused(ask(privacy, 'freshet.user.get', { user: 'u1' }));
    const { erasure } = await call<Erasure>(privacy, 'freshet.user.forget', { user: 'u1' });
    await until(
      async () => {
        const { state } = await call<Erasure>(privacy, 'freshet.user.erasure', { erasure });
        return state === 'rebuilding' || state === 'done';
      },
      { within: 30_000 },
    );
    const freshet = await as('freshet');
    const { state } = await (await freshet.jetstreamManager()).streams.info('EVENTS', { subjects_filter: 'ev.user.>' });
    expect(state.subjects ?? {}).toEqual({});
  });

  it('a page that shows rankings reads only these', async () => {
    const freshet = await as('freshet');
    await freshet.jetstream().publish('ev.user.u2.viewed', outgoing(viewed('u2', 'i1')).payload);
    const reader = await as('reader');
    const kv = await reader.jetstream().views.kv('rankings', { bindOnly: true });
    await until(async () => (await kv.get('user.u2'))?.json<{ user: string }>().user === 'u2');
    const watch = await kv.watch({ key: 'user.u2' });
    for await (const { key } of watch) {
      expect(key).toBe('user.u2');
      break;
    }
    await refused(ask(reader, '$KV.rankings.user.u2', {}));
    await refused(ask(reader, '$JS.API.STREAM.MSG.GET.EVENTS', { seq: 1 }));
    await refused(ask(reader, 'freshet.user.forget', { user: 'u2' }));
  });
});
