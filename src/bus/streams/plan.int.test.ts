import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DiscardPolicy, type NatsConnection, nanos, StorageType, type StreamConfig } from 'nats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onPath } from '../../../scripts/setup/process.mjs';
import { CONSUMERS, EVENTS, STREAMS } from '../../../streams.config.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { JetStreamDisabledError, StreamChangeLosesDataError, StreamConfigDiffersError } from '../../errors.ts';
import { checkServer } from '../nats/connection.ts';
import { applyStreams, diffStreams, exportStreams } from './plan.ts';

let server: TestNatsServer;
let nc: NatsConnection;

beforeEach(async () => {
  server = await startNatsServer();
  nc = await server.connect();
});
afterEach(() => server.stop());

const manager = () => nc.jetstreamManager();
const states = async () => new Map((await diffStreams(nc)).map(({ name, state }) => [name, state]));
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (err: unknown) => err,
  );
const configOf = async (name: string): Promise<StreamConfig> => (await (await manager()).streams.info(name)).config;

/** The stream EVENTS, created by hand, with a message in it. */
async function byHand(config: Partial<StreamConfig>): Promise<void> {
  await (await manager()).streams.add({ name: 'EVENTS', subjects: ['ev.>'], ...config });
  await nc.jetstream().publish('ev.user.u1.viewed', 'x');
}
/** A stream with settings that the client does not know. */
async function makeByHand(name: string, subjects: string[], config: object, verb = 'CREATE'): Promise<void> {
  const whole = { name, subjects, retention: 'limits', storage: 'file', num_replicas: 1, ...config };
  const answer = await nc.request(`$JS.API.STREAM.${verb}.${name}`, JSON.stringify(whole));
  expect(answer.json<{ error?: object }>().error).toBeUndefined();
}
const messages = async (): Promise<number> => (await (await manager()).streams.info('EVENTS')).state.messages;

describe('applying the streams', () => {
  it('creates everything on an empty server, and then only the consumers of services are missing', async () => {
    expect([...new Set((await states()).values())]).toEqual(['missing']);
    const applied = await applyStreams(nc);
    expect(applied.filter(({ kind }) => kind !== 'consumer').every(({ done }) => done === 'created')).toBe(true);
    const after = await states();
    for (const { name, kind } of STREAMS) expect(after.get(name), name).toBe(kind === 'consumer' ? 'missing' : 'equal');
  });

  it('does nothing the second time', async () => {
    await applyStreams(nc);
    const before = await configOf('EVENTS');
    const again = await applyStreams(nc);
    expect(again.filter(({ kind }) => kind !== 'consumer').every(({ done }) => done === 'equal')).toBe(true);
    expect(await configOf('EVENTS')).toEqual(before);
  });

  it('creates buckets and object stores that the client accepts', async () => {
    await applyStreams(nc);
    const kv = await nc.jetstream().views.kv('rankings', { bindOnly: true });
    await kv.put('user.u1', '[]');
    expect((await kv.get('user.u1'))?.string()).toBe('[]');
    const store = await nc.jetstream().views.os('snapshots');
    await store.putBlob({ name: 'a' }, Buffer.from('image'));
    expect(Buffer.from((await store.getBlob('a')) ?? []).toString()).toBe('image');
    for (const difference of await diffStreams(nc))
      if (difference.kind !== 'consumer') expect(difference).toMatchObject({ state: 'equal' });
  });

  it('finds the consumer of a service once it exists', async () => {
    await applyStreams(nc);
    const name = CONSUMERS[0]?.name ?? '';
    await (await manager()).consumers.add('EVENTS', { durable_name: name });
    expect((await states()).get(name)).toBe('equal');
  });

  it('makes changes without loss on a stream that was created by hand', async () => {
    await byHand({ max_bytes: 10_000_000, discard: DiscardPolicy.Old, description: 'mine' });
    const difference = (await diffStreams(nc, [EVENTS]))[0];
    expect(difference).toMatchObject({ state: 'different' });
    expect(await applyStreams(nc, {}, [EVENTS])).toMatchObject([{ name: 'EVENTS', done: 'updated' }]);
    expect((await states()).get('EVENTS')).toBe('equal');
    expect(await messages()).toBe(1);
  });

  it('leaves such a stream as it is at the start of a service, and logs it', async () => {
    await byHand({ max_bytes: 10_000_000, discard: DiscardPolicy.New });
    expect(await applyStreams(nc, { onlyMissing: true }, [EVENTS])).toMatchObject([{ name: 'EVENTS', done: 'left' }]);
    expect((await configOf('EVENTS')).max_bytes).toBe(10_000_000);
  });

  it.each<[string, Partial<StreamConfig>, string]>([
    ['storage, which is fixed at creation', { storage: StorageType.Memory }, 'storage'],
    ['a subject that would no longer be stored', { subjects: ['ev.>', 'mine.>'] }, 'subjects'],
    ['deletion that was denied', { deny_delete: true }, 'deny_delete'],
  ])('refuses to change %s without both confirmations', async (_what, config, setting) => {
    await byHand(config);
    const start = await failure(applyStreams(nc, { onlyMissing: true }, [EVENTS]));
    expect(start).toBeInstanceOf(StreamConfigDiffersError);
    const refused = await failure(applyStreams(nc));
    expect(refused).toBeInstanceOf(StreamChangeLosesDataError);
    expect(refused).toMatchObject({
      message: expect.stringContaining(setting),
      next: expect.stringContaining('--lose-data'),
      details: { name: 'EVENTS' },
    });
    // Nothing has changed, not even a harmless setting.
    expect(await messages()).toBe(1);
    expect((await states()).get('rankings')).toBe('missing');
    await applyStreams(nc, { loseData: true });
    expect((await states()).get('EVENTS')).toBe('equal');
  });

  it.each<[string, Partial<StreamConfig>, string]>([
    ['deletes old messages', { max_age: 3_600_000_000_000 }, 'max_age'],
    ['makes room by dropping', { max_bytes: 10_000_000, discard: DiscardPolicy.Old }, 'max_bytes'],
    ['takes a part of the events only', { subjects: ['ev.user.>'] }, 'subjects'],
  ])('does not start on a log that %s, and corrects it on request', async (_what, config, setting) => {
    await byHand(config);
    const refused = await failure(applyStreams(nc, { onlyMissing: true }, [EVENTS]));
    expect(refused).toBeInstanceOf(StreamConfigDiffersError);
    expect(refused).toMatchObject({ message: expect.stringContaining(setting), next: 'freshet streams apply' });
    expect(await applyStreams(nc, {}, [EVENTS])).toMatchObject([{ name: 'EVENTS', done: 'updated' }]);
  });

  const TTL = { allow_msg_ttl: true };
  it.each<[string, object, string, string]>([
    ['acknowledges before it has written', { persist_mode: 'async' }, 'persist_mode', 'freshet streams diff'],
    ['deletes messages as their publishers say', TTL, 'allow_msg_ttl', 'freshet streams diff'],
    [
      'writes markers of its own',
      { ...TTL, allow_rollup_hdrs: true, subject_delete_marker_ttl: nanos(1_000) },
      'subject_delete_marker_ttl',
      'freshet streams diff',
    ],
    [
      'deletes messages that were scheduled',
      { allow_rollup_hdrs: true, allow_msg_schedules: true },
      'allow_msg_schedules',
      'freshet streams diff',
    ],
    ['takes counters', { allow_msg_counter: true }, 'allow_msg_counter', 'freshet streams diff'],
    ['is sealed', { sealed: true }, 'sealed', 'freshet streams diff'],
    [
      'removes messages at a header of a publisher',
      { allow_rollup_hdrs: true },
      'allow_rollup_hdrs',
      'freshet streams apply',
    ],
    [
      'stores other subjects',
      { subject_transform: { src: 'ev.>', dest: 'ev.x.>' } },
      'subject_transform',
      'freshet streams apply',
    ],
    ['acknowledges nothing', { no_ack: true }, 'no_ack', 'freshet streams apply'],
    [
      'refuses a second event on a subject',
      { discard: DiscardPolicy.New, max_msgs_per_subject: 1, discard_new_per_subject: true },
      'discard_new_per_subject',
      'freshet streams apply',
    ],
  ])('does not start on a log that %s', async (_what, config, setting, next) => {
    const { sealed, ...rest } = config as { sealed?: boolean };
    await makeByHand('EVENTS', ['ev.>'], rest);
    if (sealed) await makeByHand('EVENTS', ['ev.>'], { sealed }, 'UPDATE');
    // An older server ignores what it does not know, and the stream is as it should be.
    if ((await configOf('EVENTS'))[setting as keyof StreamConfig] === undefined) return;
    const refused = await failure(applyStreams(nc, { onlyMissing: true }));
    expect(refused).toBeInstanceOf(StreamConfigDiffersError);
    expect(refused).toMatchObject({ message: expect.stringContaining(`${setting} is`), next });
    const [difference] = await diffStreams(nc, [EVENTS]);
    expect(difference).toMatchObject({
      state: 'different',
      changes: expect.arrayContaining([expect.objectContaining({ setting, hazard: expect.any(String) })]),
    });
    await applyStreams(nc, { loseData: true }, [EVENTS]);
    expect((await states()).get('EVENTS')).toBe('equal');
  });

  it.each<[string, string, object, string]>([
    ['forgets the ledger of erasures and its key', 'KV_erasures', { max_age: nanos(3_600_000) }, 'max_age'],
    ['stores API keys in memory', 'KV_keys', { storage: 'memory' }, 'storage'],
    ['may lose API keys at a power cut', 'KV_keys', { persist_mode: 'async' }, 'persist_mode'],
    ['drops parts of trainings', 'OBJ_snapshots', { max_bytes: 1_000_000, discard: 'old' }, 'max_bytes'],
  ])('does not start on a server that %s', async (_what, name, config, setting) => {
    const bucket = name.slice(name.indexOf('_') + 1);
    const subjects = name.startsWith('KV_') ? [`$KV.${bucket}.>`] : [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`];
    await makeByHand(name, subjects, { max_msgs_per_subject: name.startsWith('KV_') ? 1 : -1, ...config });
    if ((await configOf(name))[setting as keyof StreamConfig] === undefined) return;
    const refused = await failure(applyStreams(nc, { onlyMissing: true }));
    expect(refused).toBeInstanceOf(StreamConfigDiffersError);
    expect(refused).toMatchObject({ message: expect.stringContaining(`${setting} is`), details: { name: bucket } });
  });

  it('starts on derived data that the server may drop, because the engine can write it again', async () => {
    await makeByHand('KV_rankings', ['$KV.rankings.>'], {
      storage: 'file',
      max_msgs_per_subject: 1,
      max_age: nanos(3_600_000),
      deny_delete: true,
      allow_rollup_hdrs: true,
    });
    const applied = await applyStreams(nc, { onlyMissing: true });
    expect(applied.find(({ name }) => name === 'rankings')).toMatchObject({ done: 'left' });
  });

  it("shows the operator's choices and leaves them", async () => {
    await applyStreams(nc);
    const config = await configOf('EVENTS');
    await makeByHand('EVENTS', ['ev.>'], { ...config, compression: 's2', metadata: { team: 'shop' } }, 'UPDATE');
    const { metadata } = await configOf('EVENTS');
    if (metadata === undefined) return;
    const [difference] = await diffStreams(nc, [EVENTS]);
    expect(difference).toMatchObject({
      state: 'equal',
      notes: [
        { setting: 'compression', found: 's2', wanted: 'none' },
        { setting: 'metadata', found: { team: 'shop' } },
      ],
    });
    expect(await applyStreams(nc, {}, [EVENTS])).toMatchObject([{ done: 'equal' }]);
    expect(await configOf('EVENTS')).toMatchObject({ compression: 's2', metadata: { team: 'shop' } });
  });

  it.each<[string, object, string, unknown]>([
    ['copies messages', { republish: { src: 'ev.>', dest: 'copy.>' } }, 'republish', null],
    ['limits the consumers', { max_consumers: 100 }, 'max_consumers', -1],
    ['limits the size of a message', { max_msg_size: 1_000 }, 'max_msg_size', -1],
  ])('ends what %s if the server can, and else passes on its reason', async (_what, config, setting, wanted) => {
    await makeByHand('EVENTS', ['ev.>'], config);
    const [difference] = await diffStreams(nc, [EVENTS]);
    expect(difference).toMatchObject({
      changes: expect.arrayContaining([expect.objectContaining({ setting, wanted, possible: true })]),
    });
    const outcome = await failure(applyStreams(nc, {}, [EVENTS]));
    if (outcome === undefined) expect((await states()).get('EVENTS')).toBe('equal');
    else
      expect(outcome).toMatchObject({
        code: 'FRESHET_STREAM_REFUSED',
        message: expect.stringMatching(new RegExp(setting.replace('_', '_?'), 'i')),
      });
  });

  it('narrows a limit only with both confirmations', async () => {
    const narrow = { ...EVENTS, maxAgeMs: 86_400_000, duplicateWindowMs: 1_000 };
    await byHand({});
    expect(await failure(applyStreams(nc, {}, [narrow]))).toBeInstanceOf(StreamChangeLosesDataError);
    expect(await applyStreams(nc, { loseData: true }, [narrow])).toMatchObject([{ done: 'updated' }]);
    expect((await configOf('EVENTS')).max_age).toBe(nanos(86_400_000));
    expect(await messages()).toBe(1);
  });
});

describe('the server', () => {
  it('is accepted, with a list of the features that it lacks', async () => {
    const { version, missing } = await checkServer(nc);
    expect(version).toBe(server.version);
    expect(Array.isArray(missing)).toBe(true);
  });

  it('without JetStream is refused', async () => {
    const plain = await startNatsServer({ jetstream: false });
    try {
      const err = await failure(checkServer(await plain.connect()));
      expect(err).toBeInstanceOf(JetStreamDisabledError);
      expect(err).toMatchObject({ next: 'nats-server -js' });
    } finally {
      await plain.stop();
    }
  });
});

const natsCli = onPath('nats');

describe('the exported streams', () => {
  it.skipIf(!natsCli)(
    'are valid input of `nats stream add --config`, without differences (skipped without nats on PATH)',
    async () => {
      const folder = tempDir('export');
      for (const config of exportStreams()) {
        const file = join(folder, `${config.name}.json`);
        writeFileSync(file, JSON.stringify(config));
        await promisify(execFile)(natsCli as string, ['--server', server.url, 'stream', 'add', '--config', file]);
      }
      for (const difference of await diffStreams(nc))
        if (difference.kind !== 'consumer') expect(difference).toMatchObject({ state: 'equal' });
    },
  );
});
