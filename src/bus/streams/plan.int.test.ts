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
