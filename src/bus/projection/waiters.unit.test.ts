import { describe, expect, it } from 'vitest';
import { streamSeq } from '../event/ids.ts';
import { createWaiters, type Waiters } from './waiters.ts';

const LONG_MS = 60_000;

function waitersAt(maxBytes: number): Waiters & { reach(seq: number): void } {
  let at = streamSeq(0);
  const waiters = createWaiters({ service: 'user', position: () => at, maxBytes });
  return {
    ...waiters,
    reach: (seq) => {
      at = streamSeq(seq);
      waiters.wake();
    },
  };
}

describe('requests that wait for a position', () => {
  it('are refused once those that wait have too many bytes, with the setting, and pass again afterwards', async () => {
    const waiters = waitersAt(1_000);
    const first = waiters.reached(streamSeq(7), LONG_MS, 600);
    await expect(waiters.reached(streamSeq(7), LONG_MS, 600)).rejects.toMatchObject({
      code: 'FRESHET_SERVICE_UNAVAILABLE',
      message: expect.stringContaining('http.min_seq_waiting_bytes'),
      details: { waiting_bytes: 600 },
    });
    const second = waiters.reached(streamSeq(8), LONG_MS, 400);
    waiters.reach(7);
    expect(await first).toBe(7);
    const third = waiters.reached(streamSeq(8), LONG_MS, 600);
    waiters.reach(8);
    expect(await Promise.all([second, third])).toEqual([8, 8]);
  });

  it('leave their room to others when their time is over, or the service stops', async () => {
    const waiters = waitersAt(1_000);
    await expect(waiters.reached(streamSeq(7), 1, 1_000)).rejects.toMatchObject({
      code: 'FRESHET_SEQUENCE_NOT_REACHED',
    });
    const stopped = waiters.reached(streamSeq(7), LONG_MS, 1_000);
    waiters.end();
    await expect(stopped).rejects.toMatchObject({ code: 'FRESHET_SEQUENCE_NOT_REACHED' });
    const last = waiters.reached(streamSeq(7), LONG_MS, 1_000);
    waiters.reach(7);
    expect(await last).toBe(7);
  });

  it('are never refused if they are the service’s own, and need no room if the position is reached', async () => {
    const waiters = waitersAt(10);
    const own = waiters.reached(streamSeq(7), LONG_MS);
    waiters.reach(7);
    expect(await own).toBe(7);
    expect(await waiters.reached(streamSeq(7), LONG_MS, 100_000)).toBe(7);
  });
});
