/** A projection on a log that an operator restored from a backup. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { countingLoop, openCounting, oracle, stateOf } from '../../../test/support/counting.ts';
import { backupRestored, erased, outgoing, type TestEvent, viewed } from '../../../test/support/events.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { streamSeq } from '../event/ids.ts';
import { createMemoryLog, type MemoryLog } from '../log/memory.ts';
import { acceptLoss, findGaps } from './log-gaps.ts';
import type { ProjectionLoop } from './loop.ts';
import type { ProjectionStore } from './store.ts';

const views = (count: number, from = 0): TestEvent[] =>
  Array.from({ length: count }, (_, i) => viewed(`u${(from + i) % 5}`, `i${(from + i) % 11}`));

async function publish(log: MemoryLog, ...events: unknown[]): Promise<number> {
  let last = 0;
  for (const one of events) last = (await log.publish(outgoing(one))).seq;
  return last;
}

function start(log: MemoryLog, folder: string): { loop: ProjectionLoop; store: ProjectionStore } {
  const store = openCounting(folder);
  const loop = countingLoop(log, store, { limits: { batchMax: 2 } });
  loop.start();
  onTestFinished(async () => {
    await loop.stop();
    store.close();
  });
  return { loop, store };
}

const refusing = async (loop: ProjectionLoop) => {
  await until(() => loop.status().state === 'refusing');
  return loop.status().trouble;
};

const before = '2020-09-13T12:26:40.000Z';
const now = '2020-09-13T12:26:41.000Z';

interface Restored {
  log: MemoryLog;
  /** A projection of the lost log. */
  folder: string;
}

/**
 * A log of 20 events, some of them folded by a projection; then a restored one with `kept` of them, without the
 * `lost` ones behind, and with the record of the restore.
 */
async function afterRestore(
  { folded, kept, lost = 0 }: { folded: number; kept: number; lost?: number },
  { sameStream = false, more = 5 } = {},
): Promise<Restored> {
  const folder = tempDir('restored');
  const old = createMemoryLog();
  await publish(old, ...views(20));
  if (folded > 0) {
    const copy = createMemoryLog();
    for (const { subject, payload } of old.messages().slice(0, folded)) await copy.publish({ subject, payload });
    const { loop, store } = start(copy, folder);
    await loop.reached(streamSeq(folded), 5_000);
    await loop.stop();
    store.close();
  }
  const log = createMemoryLog();
  if (!sameStream) log.recreate();
  expect((await log.info()).created).toBe(sameStream ? before : now);
  for (const { subject, payload } of old.messages().slice(0, kept + lost)) await log.publish({ subject, payload });
  log.purge(({ seq }) => seq > kept);
  await publish(log, backupRestored(before, kept, lost > 0 ? [{ first: kept + 1, last: kept + lost }] : []));
  await publish(log, ...views(more, 100));
  return { log, folder };
}

describe('a projection on a restored log', () => {
  it('folds it from nothing across the hole behind the backup', async () => {
    const { log } = await afterRestore({ folded: 0, kept: 12, lost: 4 });
    const { loop, store } = start(log, tempDir('restored'));
    await loop.reached(streamSeq(22), 5_000);
    expect(loop.status().state).toBe('ready');
    expect(stateOf(store)).toEqual(oracle(log.messages()));
  });

  it('goes on with the rows of the lost log, if they reach no further than the backup', async () => {
    const { log, folder } = await afterRestore({ folded: 10, kept: 12, lost: 4 });
    const { loop, store } = start(log, folder);
    await loop.reached(streamSeq(22), 5_000);
    expect(loop.status().state).toBe('ready');
    expect(stateOf(store)).toEqual(oracle(log.messages()));
    expect(store.checkpoint().created).toBe(now);
  });

  it('folds it across a loss as well that an operator accepts: each explains its own sequences', async () => {
    const { log, folder } = await afterRestore({ folded: 10, kept: 12, lost: 4 });
    log.purge(({ seq }) => seq === 11);
    const { loop, store } = start(log, folder);
    expect(await refusing(loop)).toMatchObject({
      code: 'FRESHET_LOG_PRUNED',
      message: expect.stringContaining('Sequence 11'),
    });
    const { lost } = await findGaps(log);
    expect(lost).toEqual([{ first: 11, last: 11 }]);
    const { seq } = await acceptLoss(log, lost, undefined);
    await loop.reached(seq, 5_000);
    expect(stateOf(store)).toEqual(oracle(log.messages()));
    const fresh = start(log, tempDir('restored'));
    await fresh.loop.reached(seq, 5_000);
    expect(stateOf(fresh.store)).toEqual(oracle(log.messages()));
    expect((await findGaps(log)).lost).toEqual([]);
    // Another loss is refused, whatever the two explain.
    log.purge((one) => one.seq === 20);
    expect(await refusing(start(log, tempDir('restored')).loop)).toMatchObject({ code: 'FRESHET_LOG_PRUNED' });
  });

  it('refuses rows that reach further than the backup, and says that they hold lost events', async () => {
    const { log, folder } = await afterRestore({ folded: 14, kept: 12 });
    const { loop, store } = start(log, folder);
    expect(await refusing(loop)).toMatchObject({
      code: 'FRESHET_LOG_RECREATED',
      message: expect.stringMatching(/restored from a backup that ends at sequence 12.*folded sequence 14.*lost/),
      next: expect.stringContaining('freshet replay'),
    });
    expect(store.checkpoint().seq).toBe(14);
  });

  it('refuses rows of a stream that the log does not continue', async () => {
    const { folder } = await afterRestore({ folded: 10, kept: 12 });
    const other = createMemoryLog();
    other.recreate();
    await publish(other, ...views(20), backupRestored('2019-01-01T00:00:00.000Z', 20));
    const { loop } = start(other, folder);
    expect((await refusing(loop))?.code).toBe('FRESHET_LOG_RECREATED');
  });

  it('refuses rows of other messages, although the log continues their stream', async () => {
    const { folder } = await afterRestore({ folded: 10, kept: 12 });
    const other = createMemoryLog();
    other.recreate();
    await publish(other, ...views(20, 3), backupRestored(before, 20));
    const { loop } = start(other, folder);
    expect((await refusing(loop))?.code).toBe('FRESHET_LOG_FORKED');
  });

  it('refuses another missing message than those of the hole', async () => {
    const { log } = await afterRestore({ folded: 0, kept: 12, lost: 4 });
    log.purge(({ seq }) => seq === 9);
    const { loop } = start(log, tempDir('restored'));
    expect(await refusing(loop)).toMatchObject({
      code: 'FRESHET_LOG_PRUNED',
      message: expect.stringContaining('Sequence 9'),
    });
  });

  it('refuses a hole that a record names although it lies behind the record', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(5), backupRestored(before, 5, [{ first: 6, last: 9 }]), ...views(4));
    log.purge(({ seq }) => seq === 8);
    const { loop } = start(log, tempDir('restored'));
    expect((await refusing(loop))?.code).toBe('FRESHET_LOG_PRUNED');
  });

  describe('whose stream has the creation time of the lost one', () => {
    const sameStream = { sameStream: true };

    it('refuses rows with messages of the hole, also after an erasure with a fence behind it', async () => {
      const { log, folder } = await afterRestore({ folded: 14, kept: 12, lost: 4 }, sameStream);
      await publish(log, erased('act', 22));
      const { loop } = start(log, folder);
      expect(await refusing(loop)).toMatchObject({
        code: 'FRESHET_LOG_FORKED',
        message: expect.stringMatching(/without the sequences 13 to 16.*folded sequence 14/),
      });
    });

    it('refuses rows that reach over the record without it, also if an erasure removed the message there', async () => {
      const { log, folder } = await afterRestore({ folded: 19, kept: 12, lost: 4 }, sameStream);
      await publish(log, erased('act', 22));
      log.purge(({ seq }) => seq === 19);
      const { loop } = start(log, folder);
      expect(await refusing(loop)).toMatchObject({
        code: 'FRESHET_LOG_FORKED',
        message: expect.stringContaining('before sequence 17'),
      });
    });

    it('goes on with rows up to the backup', async () => {
      const { log, folder } = await afterRestore({ folded: 12, kept: 12, lost: 4 }, sameStream);
      const { loop, store } = start(log, folder);
      await loop.reached(streamSeq(22), 5_000);
      expect(stateOf(store)).toEqual(oracle(log.messages()));
    });
  });
});
