import type { NatsConnection } from 'nats';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { LEASES } from '../../../streams.config.ts';
import { startNatsServer } from '../../../test/support/nats.ts';
import { createLogger } from '../../observability/log.ts';
import { erasureKey } from './erasure-key.ts';
import { missingStreams, STORED } from './missing.ts';
import { applyStreams } from './plan.ts';
import { prepareServer } from './prepare.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
let nc: NatsConnection;
beforeEach(async () => {
  const server = await startNatsServer();
  onTestFinished(() => server.stop());
  nc = await server.connect();
});
const manager = () => nc.jetstreamManager();
const missing = async (): Promise<string[]> => (await missingStreams(await manager())).map(({ name }) => name);
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (err: unknown) => err,
  );

it('the mark of a used server is created behind what only a backup brings back', () => {
  const names = STORED.map(({ name }) => name);
  for (const { name, madeAgainBy, neededBy } of STORED)
    if (madeAgainBy.length === 0 && neededBy.length > 0)
      expect(names.indexOf(name), name).toBeLessThan(names.indexOf(LEASES.name));
});

describe('the start of a process', () => {
  it('creates everything also beside others that start at the same moment', async () => {
    await Promise.all(
      (['user', 'content', 'feedback', 'engine', 'gateway'] as const).map((needer) =>
        prepareServer(nc, logger, needer),
      ),
    );
    expect(await missing()).toEqual([]);
  });

  it('creates everything on a new server', async () => {
    await prepareServer(nc, logger, 'content');
    expect(await missing()).toEqual([]);
  });

  it('creates what a service can fill again', async () => {
    await prepareServer(nc, logger, 'content');
    const { streams } = await manager();
    for (const name of ['KV_rankings', 'OBJ_snapshots', 'ENGINE_OUTPUT']) await streams.delete(name);
    await prepareServer(nc, logger, 'content');
    expect(await missing()).toEqual([]);
  });

  it.each([
    ['the log', 'EVENTS', 'EVENTS', 'content'],
    ['the ledger of erasures', 'KV_erasures', 'erasures', 'user'],
    ['the API keys', 'KV_keys', 'keys', 'gateway'],
  ] as const)('does not make %s again, and says what is lost', async (_what, stream, name, needer) => {
    await prepareServer(nc, logger, needer);
    await (await manager()).streams.delete(stream);
    const refused = await failure(prepareServer(nc, logger, needer));
    expect(refused).toMatchObject({
      code: 'FRESHET_STREAM_MISSING',
      message: expect.stringContaining(name),
      next: expect.stringContaining('streams apply'),
    });
    expect(await missing()).toEqual([name]);
    await applyStreams(nc);
    await prepareServer(nc, logger, needer);
  });

  it('goes on without what the process does not need, and does not make it either', async () => {
    await prepareServer(nc, logger, 'content');
    await (await manager()).streams.delete('KV_keys');
    await prepareServer(nc, logger, 'content');
    expect(await missing()).toEqual(['keys']);
  });

  it('makes no ledger of erasures for a command either', async () => {
    await prepareServer(nc, logger, 'content');
    await (await manager()).streams.delete('KV_erasures');
    expect(await failure(erasureKey(nc))).toMatchObject({ code: 'FRESHET_STREAM_MISSING' });
    expect(await missing()).toEqual(['erasures']);
  });
});
