import { expect, it, onTestFinished } from 'vitest';
import { ENGINE, RANKINGS } from '../../../streams.config.ts';
import { startNatsServer } from '../../../test/support/nats.ts';
import { findTraces, traceLines } from '../../../test/support/traces.ts';
import { applyStreams } from '../streams/plan.ts';
import { rewriteBucket } from './rewrite-bucket.ts';

it('drops the bytes of older values and of deleted keys, and keeps the newest values', async () => {
  const server = await startNatsServer();
  onTestFinished(server.stop);
  const nc = await server.connect();
  const jsm = await nc.jetstreamManager();
  await applyStreams(nc);
  const kv = await nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true });
  const found = async (): Promise<string[]> =>
    traceLines(await findTraces([server.dir], ['somebody', 'an-older-value']));
  for (let i = 0; i < 5; i++) await kv.put('user.somebody', `value ${i} of somebody`);
  await kv.put('trending', 'an-older-value');
  for (let i = 0; i < 300; i++) await kv.put(`user.u${i}`, `value of ${i}`);
  await kv.put('trending', 'the newest value');
  await kv.delete('user.somebody');
  expect(await found()).toHaveLength(2);

  let stopped = false;
  const writes = (async () => {
    for (let i = 0; !stopped; i++) await kv.put('user.u7', `written meanwhile ${i}`);
  })();
  await rewriteBucket(nc, jsm, RANKINGS);
  stopped = true;
  await writes;
  expect(await found()).toEqual([]);
  const keys: string[] = [];
  for await (const key of await kv.keys()) keys.push(key);
  expect(keys).toHaveLength(301);
  expect((await kv.get('trending'))?.string()).toBe('the newest value');
  expect((await kv.get('user.u8'))?.string()).toBe('value of 8');
  expect((await kv.get('user.u7'))?.string()).toMatch(/^written meanwhile/);
  await expect(rewriteBucket(nc, jsm, ENGINE)).rejects.toThrow(RangeError);
});
