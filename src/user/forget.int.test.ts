import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silent } from '../../test/support/counting.ts';
import { linked, outgoing, registered, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { makeTempDir, removeTempDir } from '../../test/support/tempdir.ts';
import { until } from '../../test/support/wait.ts';
import type { Erasure } from '../bus/erasure/ledger.ts';
import { call, type Json } from '../bus/nats/micro.ts';
import { createPublisher } from '../bus/nats/publisher.ts';
import type { RunningService } from '../bus/service/description.ts';
import { applyStreams } from '../bus/streams/plan.ts';
import { completeConfig } from '../config/load.ts';
import { startUser } from './start.ts';

const config = completeConfig({
  projection: { batch_wait_ms: 1, idle_check_ms: 100, check_interval_ms: 100, backoff_min_ms: 5, heartbeat_ms: 200 },
  erasure: { look_ms: 20 },
});

let server: TestNatsServer;
let data: string;
let running: RunningService | undefined;

beforeEach(async () => {
  server = await startNatsServer();
  data = makeTempDir('forget');
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  await server.stop();
  removeTempDir(data);
});

const start = async (): Promise<void> => {
  running = await startUser({ config, natsUrl: server.url, data, healthPort: 0, logger: silent });
};

describe('forgetting', () => {
  it('is repeated on a log from a backup that still contains the user', async () => {
    const nc = await server.connect();
    await start();
    const history = [registered('u1', { age: 41 }), viewed('s1', 'a'), linked('u1', 's1'), registered('u2')].map(
      outgoing,
    );
    const fill = async (): Promise<void> => {
      const publisher = createPublisher(nc);
      for (const message of history) await publisher.publish(message);
      await publisher.close();
    };
    const ask = <T = Json>(endpoint: string, request: Json): Promise<T> =>
      call<T>(nc, `freshet.user.${endpoint}`, request);
    const subjects = async (): Promise<string[]> => {
      const { state } = await (await nc.jetstreamManager()).streams.info('EVENTS', { subjects_filter: 'ev.user.>' });
      return Object.keys(state.subjects ?? {}).sort();
    };
    await fill();
    await ask('get', { user: 'u2', min_seq: 4 });
    const { erasure } = await ask<Erasure>('forget', { user: 'u1' });
    await until(async () => (await subjects()).length === 1);
    await until(async () => (await ask<Erasure>('erasure', { erasure })).services[0]?.state === 'exact');
    await expect(ask('get', { user: 'u1' })).rejects.toMatchObject({ problem: { code: 'FRESHET_NOT_FOUND' } });

    await running?.stop();
    running = undefined;
    await (await nc.jetstreamManager()).streams.delete('EVENTS');
    rmSync(join(data, 'user.sqlite'));
    await applyStreams(nc, { onlyMissing: true });
    await fill();
    expect(await subjects()).toHaveLength(4);
    await start();
    await until(async () => (await subjects()).join() === 'ev.user.u2.registered');
    await until(async () => (await ask<Erasure>('erasure', { erasure })).services[0]?.state === 'exact');
    for (const user of ['u1', 's1'])
      await expect(ask('get', { user })).rejects.toMatchObject({ problem: { code: 'FRESHET_NOT_FOUND' } });
    expect(await ask('get', { user: 'u2' })).toMatchObject({ user: 'u2' });
  });
});
