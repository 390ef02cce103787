import { mkdirSync } from 'node:fs';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { startNatsServer } from '../../test/support/nats.ts';
import { makeTempDir, removeTempDir } from '../../test/support/tempdir.ts';
import { completeConfig } from '../config/load.ts';
import { startDemo } from './run.ts';

it('publishes one past into a log, also after its size has changed', async () => {
  const server = await startNatsServer();
  const data = makeTempDir('demo');
  onTestFinished(async () => {
    await server.stop();
    removeTempDir(data);
  });
  mkdirSync(data, { recursive: true });
  const nc = await server.connect();
  const messages = async (): Promise<number> =>
    (await (await nc.jetstreamManager()).streams.info('EVENTS')).state.messages;

  const load = async (events: number): Promise<number> => {
    const demo = await startDemo({
      config: completeConfig({ demo: { events, readers: 10, trickle_per_s: 0 } }),
      natsUrl: server.url,
      data,
      logger: pino({ level: 'silent' }),
      onProgress: () => {},
    });
    await demo.loaded;
    await demo.stop();
    return messages();
  };

  const first = await load(200);
  expect(first).toBeGreaterThan(200);
  expect(await load(100)).toBe(first);
});
