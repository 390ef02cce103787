/** The loop on a log that has lost messages, with the record of an accepted loss and without. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { countingLoop, openCounting, oracle, stateOf } from '../../../test/support/counting.ts';
import { erased, event, outgoing, type TestEvent, viewed } from '../../../test/support/events.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { streamSeq } from '../event/ids.ts';
import { createMemoryLog, type MemoryLog } from '../log/memory.ts';
import type { SequenceRange } from '../log/sequences.ts';
import { checkLog } from './checks.ts';
import { acceptLoss, findGaps, toAccept } from './log-gaps.ts';
import type { ProjectionLoop } from './loop.ts';
import { LOSS_ACCEPTED } from './lost-rows.ts';
import { readRange } from './range.ts';
import type { ProjectionStore } from './store.ts';

const views = (count: number): TestEvent[] =>
  Array.from({ length: count }, (_, i) => viewed(`u${i % 5}`, `i${i % 11}`));
async function publish(log: MemoryLog, ...events: unknown[]): Promise<number> {
  let last = 0;
  for (const one of events) last = (await log.publish(outgoing(one))).seq;
  return last;
}
const accept = (log: MemoryLog, ...sequences: SequenceRange[]): Promise<{ seq: number }> =>
  acceptLoss(log, sequences, undefined);

interface Running {
  store: ProjectionStore;
  loop: ProjectionLoop;
  stop(): Promise<void>;
}
function start(log: MemoryLog, folder = tempDir('losses')): Running {
  const store = openCounting(folder);
  const loop = countingLoop(log, store, { limits: { batchMax: 2 } });
  loop.start();
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await loop.stop();
    store.close();
  };
  onTestFinished(stop);
  return { store, loop, stop };
}
const lossy = ({ loop }: Running): Promise<boolean> =>
  until(() => loop.status().state === 'rebuilding' && loop.status().trouble?.code === 'FRESHET_LOSS_ACCEPTED');

describe('an accepted loss', () => {
  it('lets a projection go on that was behind it, over every gap that it names', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(4));
    const folder = tempDir('losses');
    const before = start(log, folder);
    await before.loop.reached(streamSeq(4), 5_000);
    await before.stop();
    await publish(log, ...views(16));
    log.purge(({ seq }) => [6, 7, 11, 20].includes(seq));
    const { seq } = await accept(log, { first: 6, last: 7 }, { first: 11, last: 11 }, { first: 20, last: 20 });
    const after = start(log, folder);
    await after.loop.reached(streamSeq(seq), 5_000);
    expect(after.loop.status().state).toBe('ready');
    expect(after.store.rebuildDue()).toBeUndefined();
    expect(stateOf(after.store)).toEqual(oracle(log.messages()));
  });

  it('makes a rebuild due where the rows hold a lost message, and nothing is folded until then', async () => {
    const log = createMemoryLog();
    const folder = tempDir('losses');
    await publish(log, ...views(10));
    const before = start(log, folder);
    await before.loop.reached(streamSeq(10), 5_000);
    await before.stop();
    log.purge(({ seq }) => seq === 1 || seq === 5);
    await accept(log, { first: 1, last: 1 }, { first: 5, last: 5 });
    const after = start(log, folder);
    await lossy(after);
    expect(after.store.rebuildDue()).toContain(LOSS_ACCEPTED);
    expect(after.store.checkpoint().seq).toBe(10);
    expect(after.loop.status().trouble?.message).toContain('sequences 1,5');
    // A file of its own holds none of them.
    const fresh = start(log);
    await fresh.loop.reached(streamSeq(11), 5_000);
    expect(stateOf(fresh.store)).toEqual(oracle(log.messages()));
  });

  it('of a message that changed no row needs no rebuild', async () => {
    const log = createMemoryLog();
    const folder = tempDir('losses');
    const events = views(9);
    await publish(log, ...events);
    const { subject, payload } = outgoing(events[2]);
    await log.publish({ subject, payload });
    const before = start(log, folder);
    await before.loop.reached(streamSeq(10), 5_000);
    await before.stop();
    // The newest message that the projection read, by which it recognises the log.
    log.purge(({ seq }) => seq === 10);
    const { seq } = await accept(log, { first: 10, last: 10 });
    const after = start(log, folder);
    await after.loop.reached(streamSeq(seq), 5_000);
    expect(after.store.rebuildDue()).toBeUndefined();
    const { total, note } = oracle(log.messages());
    expect(stateOf(after.store)).toMatchObject({ total, note, seq });
  });

  it('that the fence of an erasure hides makes a rebuild due with the fold of its record', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(10), erased('act', 10));
    const folder = tempDir('losses');
    const running = start(log, folder);
    await running.loop.reached(streamSeq(11), 5_000);
    log.purge(({ seq }) => seq === 3);
    const gaps = await findGaps(log);
    expect(gaps).toMatchObject({ fence: 10, lost: [], upToFence: [{ first: 3, last: 3 }] });
    await accept(log, ...(await toAccept(log, gaps.upToFence)));
    await publish(log, ...views(7));
    await lossy(running);
    await running.stop();
    // The next process goes no further either.
    const again = start(log, folder);
    await lossy(again);
    expect(again.store.checkpoint().seq).toBeLessThan(19);
  });

  it('permits no other loss', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(10));
    log.purge(({ seq }) => seq === 3 || seq === 5);
    await accept(log, { first: 5, last: 5 });
    const { loop } = start(log);
    await until(() => loop.status().state === 'refusing');
    expect(loop.status().trouble).toMatchObject({
      code: 'FRESHET_LOG_PRUNED',
      message: expect.stringContaining('Sequence 3'),
      next: expect.stringContaining('freshet log accept-loss'),
    });
  });

  it('does not explain a message that the server skips', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(10));
    log.purge(({ seq }) => seq === 5);
    log.damage(6);
    await accept(log, { first: 5, last: 5 });
    const { loop, store } = start(log);
    await until(() => loop.status().state === 'refusing');
    expect(loop.status().trouble?.message).toContain('Sequence 6');
    expect(store.checkpoint().seq).toBe(4);
    // Reading the whole log finds it, and the operator can accept this loss as well.
    expect((await findGaps(log)).lost).toEqual([]);
    const { lost } = await findGaps(log, { read: { consumer: 'check' } });
    expect(lost).toEqual([{ first: 6, last: 6 }]);
    const { seq } = await accept(log, ...(await toAccept(log, lost)));
    await loop.reached(streamSeq(seq), 5_000);
  });

  it('of a record never reaches beyond the record', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(3));
    const data = { sequences: [{ first: 2, last: 1_000 }] };
    await publish(log, event('control.loss_accepted.v1', 'act', data), ...views(6));
    log.purge(({ seq }) => seq === 2 || seq === 3 || seq === 7);
    const { loop } = start(log);
    await until(() => loop.status().state === 'refusing');
    expect(loop.status().trouble?.message).toContain('Sequence 7');
  });

  it('lets a range of the log be read, and refuses state of a position that may hold the messages', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(10));
    log.purge(({ seq }) => seq === 5 || seq === 8);
    await accept(log, { first: 5, last: 5 }, { first: 8, last: 8 });
    const read: number[] = [];
    const onBatch = (batch: readonly { seq: number }[]): void => void read.push(...batch.map(({ seq }) => seq));
    const bounds = { from: streamSeq(6), to: streamSeq(10), fence: streamSeq(0) };
    await readRange({ log, service: 'engine', consumer: 'range', ...bounds, onBatch });
    expect(read).toEqual([7, 9, 10]);
    const { created } = await log.info();
    const refused = async (seq: number): Promise<string | undefined> => {
      const checkpoint = { seq: streamSeq(seq), created, fence: streamSeq(0) };
      return (await checkLog(log, { service: 'engine', checkpoint, fingerprints: [] })).refused?.code;
    };
    expect(await Promise.all([4, 5, 10, 11].map(refused))).toEqual([
      undefined,
      'FRESHET_LOSS_ACCEPTED',
      'FRESHET_LOSS_ACCEPTED',
      undefined,
    ]);
    // Also if the fence of a later erasure covers the gap.
    await publish(log, erased('act', 11));
    expect(await refused(7)).toBe('FRESHET_LOSS_ACCEPTED');
  });
});

describe('the loss of messages', () => {
  it('is refused for a sequence with a message, and for one that the log has not reached', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(6));
    log.purge(({ seq }) => seq >= 5);
    expect(await toAccept(log, [{ first: 5, last: 6 }])).toEqual([{ first: 5, last: 6 }]);
    await expect(toAccept(log, [{ first: 4, last: 5 }])).rejects.toMatchObject({
      code: 'FRESHET_LOSS_REFUSED',
      message: expect.stringContaining('Sequence 4'),
    });
    await expect(toAccept(log, [{ first: 6, last: 7 }])).rejects.toMatchObject({
      code: 'FRESHET_LOSS_REFUSED',
      message: expect.stringContaining('ends at sequence 6'),
      next: expect.stringContaining('freshet replay all'),
    });
    await accept(log, { first: 5, last: 5 });
    expect(await toAccept(log, [{ first: 5, last: 6 }])).toEqual([{ first: 6, last: 6 }]);
  });
});
