/** The key of erasures: whoever uses a wrong one would find nobody whom a record names, and say that all is done. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { erasureKey } from './erasure-key.ts';

let nats: TestNatsServer;
beforeEach(async () => {
  nats = await startNatsServer();
});
afterEach(() => nats.stop());

const bucket = async () => (await nats.connect()).jetstream().views.kv('erasures', { bindOnly: true });
const read = async () => erasureKey(await nats.connect());

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
