import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { countingProjection, oracle, silent, stateOf } from '../../../test/support/counting.ts';
import { codec, erased, outgoing, viewed } from '../../../test/support/events.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { createMemoryLog, type MemoryLog } from '../log/memory.ts';
import type { Bound } from './bounded.ts';
import { projectionFiles, replaceLiveFile, requestCutOver, versionOf } from './files.ts';
import { createRebuild, type Rebuild, RebuildRefusedError } from './rebuild.ts';
import { openStore } from './store.ts';

async function filled(n: number): Promise<MemoryLog> {
  const log = createMemoryLog();
  for (let i = 0; i < n; i++) await log.publish(outgoing(viewed(`u${i % 5}`, `i${i}`)));
  return log;
}

const rebuildOf = (log: MemoryLog, folder: string, inputs?: Record<string, unknown>): Promise<Rebuild> =>
  createRebuild({
    file: projectionFiles(folder, 'user').rebuild,
    definition: countingProjection(inputs),
    codec,
    log,
    consumer: 'rebuild',
    logger: silent,
    limits: { batchWaitMs: 1, backoffMinMs: 1, backoffMaxMs: 5, batchMax: 7 },
    cacheKib: 1_024,
  });

async function foldedTo(log: MemoryLog, bound: Partial<Bound>): Promise<number> {
  const rebuild = await rebuildOf(log, tempDir('rebuild'));
  const { seq } = await rebuild.to(bound);
  expect(stateOf(rebuild.store)).toEqual(oracle(log.messages().filter((message) => message.seq <= seq)));
  rebuild.close();
  return seq;
}

describe('a rebuild', () => {
  it('folds the log up to its head, and further at the next call', async () => {
    const log = await filled(100);
    const rebuild = await rebuildOf(log, tempDir('rebuild'));
    expect(await rebuild.to()).toMatchObject({ seq: 100 });
    for (let i = 0; i < 20; i++) await log.publish(outgoing(viewed('u1', `more${i}`)));
    expect(await rebuild.to()).toMatchObject({ seq: 120 });
    expect(stateOf(rebuild.store)).toEqual(oracle(log.messages()));
    rebuild.close();
  });

  it('stops at a sequence, also if it and those before it were erased', async () => {
    const log = await filled(50);
    expect(await foldedTo(log, { seq: 23 })).toBe(23);
    await log.publish(outgoing(erased('act', 50)));
    log.purge(({ subject }) => subject.startsWith('ev.user.u2.'));
    log.purge(({ subject }) => subject.startsWith('ev.user.u1.'));
    expect(await foldedTo(log, { seq: 23 })).toBe(21);
    expect(await foldedTo(log, {})).toBe(51);
  });

  it('stops at the last message that the log had stored by a time', async () => {
    const log = await filled(50);
    const at = log.messages()[29]?.timestamp as number;
    expect(await foldedTo(log, { timestamp: at })).toBe(30);
    expect(await foldedTo(log, { timestamp: at + 0.5 })).toBe(30);
    expect(await foldedTo(log, { timestamp: 1 })).toBe(0);
  });

  it('loses and doubles no message while deliveries are dropped, doubled and cut', async () => {
    const log = await filled(300);
    log.inject({ drop: 0.02, double: 0.05, cut: 0.01, delay: 0.1 });
    expect(await foldedTo(log, {})).toBe(300);
    expect(await foldedTo(log, { seq: 123 })).toBe(123);
  });

  it('continues an earlier attempt, and begins again for another fold version or another log', async () => {
    const log = await filled(60);
    const folder = tempDir('rebuild');
    const first = await rebuildOf(log, folder);
    await first.to({ seq: 40 });
    first.close();
    const second = await rebuildOf(log, folder);
    expect(second.store.checkpoint().seq).toBe(40);
    await second.to();
    expect(stateOf(second.store)).toEqual(oracle(log.messages()));
    second.close();
    const third = await rebuildOf(log, folder, { other: true });
    expect(third.store.checkpoint().seq).toBe(0);
    await third.to();
    third.close();
    log.recreate();
    await log.publish(outgoing(viewed('u1', 'new')));
    const fourth = await rebuildOf(log, folder, { other: true });
    expect(fourth.store.checkpoint().seq).toBe(0);
    expect(await fourth.to()).toMatchObject({ seq: 1 });
    fourth.close();
  });

  it('refuses a log that lost its beginning', async () => {
    const log = await filled(20);
    log.purge(({ seq }) => seq < 10);
    const rebuild = await rebuildOf(log, tempDir('rebuild'));
    await expect(rebuild.to()).rejects.toBeInstanceOf(RebuildRefusedError);
    await expect(rebuild.to()).rejects.toMatchObject({ code: 'FRESHET_LOG_PRUNED' });
    rebuild.close();
  });
});

describe('a cut-over', () => {
  it('replaces the live file by the rebuilt one, and never reads the old write-ahead log into it', async () => {
    const log = await filled(30);
    const folder = tempDir('swap');
    const files = projectionFiles(folder, 'user');
    const live = openStore({ file: files.live, definition: countingProjection(), codec, cacheKib: 1_024 });
    live.commit(log.messages().slice(0, 10), (await log.info()).created);
    // Another reader keeps the log of the live one from being folded into its file when it is closed.
    const reader = openStore({ file: files.live, definition: countingProjection(), codec, cacheKib: 1_024 });
    live.close();
    const rebuild = await rebuildOf(log, folder);
    await rebuild.to();
    const { version } = rebuild.store;
    rebuild.close();
    requestCutOver(files);
    expect(versionOf(files.next)).toBe(version);
    expect(replaceLiveFile(files, 'another')).toBe(false);
    expect(replaceLiveFile(files, version)).toBe(true);
    reader.close();
    // Once more, as after a crash: nothing is left to do.
    expect(replaceLiveFile(files, version)).toBe(false);
    const taken = openStore({ file: files.live, definition: countingProjection(), codec, cacheKib: 1_024 });
    expect(stateOf(taken)).toEqual(oracle(log.messages()));
    expect(taken.db.pragma('integrity_check', { simple: true })).toBe('ok');
    taken.close();
  });

  it('completes after a crash at any step', async () => {
    const log = await filled(30);
    const folder = tempDir('swap');
    const files = projectionFiles(folder, 'user');
    const rebuild = await rebuildOf(log, folder);
    await rebuild.to();
    const { version } = rebuild.store;
    rebuild.close();
    requestCutOver(files);
    // The service folds what came meanwhile into it, and dies: the file has a log of its own now.
    await log.publish(outgoing(viewed('u1', 'late')));
    const begun = openStore({ file: files.next, definition: countingProjection(), codec, cacheKib: 1_024 });
    begun.commit(log.messages().slice(-1), (await log.info()).created);
    const held = openStore({ file: files.next, definition: countingProjection(), codec, cacheKib: 1_024 });
    begun.close();
    held.close();
    expect(replaceLiveFile(files, version)).toBe(true);
    const taken = openStore({ file: join(folder, 'user.sqlite'), definition: countingProjection(), codec });
    expect(stateOf(taken)).toEqual(oracle(log.messages()));
    taken.close();
  });
});
