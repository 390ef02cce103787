import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { erased, outgoing, viewed } from '../../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { useServices } from '../../../test/support/services.ts';
import { ErasureKeyLostError } from '../../errors.ts';
import { erasureKey } from './erasure-key.ts';
import { applyStreams } from './plan.ts';

let server: TestNatsServer;
beforeEach(async () => {
  server = await startNatsServer();
  onTestFinished(() => server.stop());
});

async function withLog(...events: object[]) {
  const nc = await server.connect();
  await applyStreams(nc);
  for (const event of events) {
    const { subject, payload } = outgoing(event);
    await nc.jetstream().publish(subject, payload);
  }
  return { nc, jsm: await nc.jetstreamManager() };
}

it('is made once, and again while no record of an erasure depends on it', async () => {
  const { nc, jsm } = await withLog(viewed('u1', 'a'));
  const first = await erasureKey(nc);
  expect(await erasureKey(nc)).toEqual(first);
  await jsm.streams.delete('KV_erasures');
  await applyStreams(nc);
  expect(await erasureKey(nc)).not.toEqual(first);
});

it('is not made again behind a record of an erasure: the operator learns that it is lost', async () => {
  const { nc, jsm } = await withLog(viewed('u1', 'a'));
  await erasureKey(nc);
  const { subject, payload } = outgoing(erased('act-1', 1));
  const { seq } = await nc.jetstream().publish(subject, payload);
  await jsm.streams.delete('KV_erasures');
  await applyStreams(nc);
  const err = await erasureKey(nc).catch((thrown: unknown) => thrown);
  expect(err).toBeInstanceOf(ErasureKeyLostError);
  expect(err).toMatchObject({
    message: expect.stringContaining(`sequence ${seq}`),
    next: expect.stringContaining('backup'),
  });
  // The way on that the error names.
  await (await nc.jetstream().views.kv('erasures', { bindOnly: true })).put('key', 'cd'.repeat(32));
  expect(Buffer.from(await erasureKey(nc)).toString('hex')).toBe('cd'.repeat(32));
});

const services = useServices('erasure-key');
it('keeps a service from starting', async () => {
  await services.publish(viewed('u1', 'a'), erased('act-1', 1));
  await expect(services.start('user')).rejects.toMatchObject({ code: 'FRESHET_ERASURE_KEY_LOST' });
});

const bucket = async () => (await server.connect()).jetstream().views.kv('erasures', { bindOnly: true });
const read = async () => erasureKey(await server.connect());

describe('the key of erasures', () => {
  it('is made once, with 32 bytes', async () => {
    const [one, other] = await Promise.all([read(), read()]);
    expect(one).toHaveLength(32);
    expect(Buffer.from(one).equals(Buffer.from(other))).toBe(true);
    expect(Buffer.from(await read()).equals(Buffer.from(one))).toBe(true);
  });

  it.each([
    ['too short', 'ab'.repeat(31)],
    ['not hexadecimal', 'zz'.repeat(32)],
    ['empty', ''],
    ['another one', 'ab'.repeat(32)],
  ])('stops its users if it is %s', async (_, value) => {
    await read();
    await (await bucket()).put('key', value);
    await expect(read()).rejects.toMatchObject({
      code: 'FRESHET_ERASURE_KEY_WRONG',
      next: expect.stringContaining('restore'),
    });
  });

  it('stops its users if it is gone, rather than that a new one takes its place', async () => {
    await read();
    await (await bucket()).purge('key');
    await expect(read()).rejects.toMatchObject({ code: 'FRESHET_ERASURE_KEY_WRONG' });
  });

  it('of a release that kept no probe gets one', async () => {
    const key = Buffer.from(await read()).toString('hex');
    await (await bucket()).purge('probe');
    expect(Buffer.from(await read()).toString('hex')).toBe(key);
    await (await bucket()).put('key', 'ab'.repeat(32));
    await expect(read()).rejects.toMatchObject({ code: 'FRESHET_ERASURE_KEY_WRONG' });
  });
});
