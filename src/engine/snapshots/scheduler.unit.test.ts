/** The times and the order of snapshots, with a store in memory whose steps the test runs one by one. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silent } from '../../../test/support/counting.ts';
import type { Manifest } from './manifest.ts';
import { createSnapshotScheduler, type SnapshotScheduler } from './scheduler.ts';
import type { ModelImage, Snapshots } from './snapshots.ts';

/** Objects in the store, and the one that the pointer names. */
let objects: Map<string, number>;
let pointer: string | undefined;
/** Positions of all that was written, in order. */
let written: number[];
/** Writes whose object is stored, and which have not moved the pointer yet. */
let writes: (() => void)[];
let position: number;
let ready: boolean;
let failures: { write: number; remove: number };
let scheduler: SnapshotScheduler;

function memoryStore(): Snapshots {
  const current = (): Manifest | undefined =>
    pointer === undefined ? undefined : ({ object: pointer, seq: objects.get(pointer) ?? 0 } as Manifest);
  return {
    current,
    usableSeq: () => current()?.seq ?? 0,
    distrust: () => {},
    load: async () => current(),
    list: async () => [],
    read: async () => Buffer.alloc(0),
    put: async () => ({}) as Manifest,
    point: async ({ object }) => {
      if (!objects.has(object)) return false;
      pointer = object;
      return true;
    },
    write: async ({ seq }) => {
      const object = `model-${written.length + 1}`;
      written.push(seq);
      objects.set(object, seq);
      await new Promise<void>((resolve) => writes.push(resolve));
      if (failures.write-- > 0) throw new Error('the server does not answer');
      pointer = object;
      return { object, seq, bytes: 1 } as Manifest;
    },
    removeOthers: async () => {
      if (failures.remove-- > 0) throw new Error('the server does not answer');
      for (const object of [...objects.keys()]) if (object !== pointer) objects.delete(object);
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  objects = new Map([['model-old', 1]]);
  pointer = 'model-old';
  written = [];
  writes = [];
  position = 7;
  ready = true;
  failures = { write: 0, remove: 0 };
  const options = {
    snapshots: memoryStore(),
    image: async () => ({ value: { seq: position } as ModelImage, workMs: 0 }),
    seq: () => position,
    caughtUp: () => true,
    ready: () => ready,
    logger: silent,
    events: 1,
    intervalMs: 60_000,
    stopMs: 5_000,
  };
  scheduler = createSnapshotScheduler(options);
});
afterEach(() => {
  vi.useRealTimers();
});

const supersede = (): Promise<boolean> => scheduler.supersede();
/** Milliseconds go by, with all that was waiting for them. */
const pass = async (ms = 0): Promise<void> => void (await vi.advanceTimersByTimeAsync(ms));
/** The oldest write goes on and moves the pointer. */
async function go(): Promise<void> {
  writes.shift()?.();
  await pass();
}
async function goOnUntilQuiet(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await go();
    await pass(1_000);
  }
}

describe('one snapshot at a time', () => {
  it('is written, also if the others are replaced while one is due by time', async () => {
    scheduler.start();
    const replaced = supersede();
    await pass();
    scheduler.count(1);
    await pass(1_000);
    await goOnUntilQuiet();
    expect(await replaced).toBe(true);
    expect([...objects.keys()]).toEqual([pointer]);
  });

  it('is written, also if the others are replaced when the engine stops', async () => {
    scheduler.start();
    const replaced = supersede();
    await pass();
    position = 8;
    const stopped = scheduler.stop().then(() => scheduler.last());
    await pass();
    await goOnUntilQuiet();
    await stopped;
    expect(await replaced).toBe(true);
    expect([...objects.keys()]).toContain(pointer);
    expect(objects.get(pointer as string)).toBe(8);
  });

  it('is written before the pointer goes back to an older one, which may be removed then', async () => {
    scheduler.start();
    const replaced = supersede();
    await pass();
    const moved = scheduler.point({ object: 'model-old' } as Manifest);
    await goOnUntilQuiet();
    expect(await replaced).toBe(true);
    expect(await moved).toBe(false);
    expect([...objects.keys()]).toEqual([pointer]);
  });
});

describe('requests to replace all other snapshots', () => {
  it('share one snapshot if they come before it begins', async () => {
    scheduler.start();
    const first = supersede();
    await pass();
    position = 9;
    const others = [supersede(), supersede(), supersede(), supersede()];
    await goOnUntilQuiet();
    expect(await Promise.all([first, ...others])).toEqual([true, true, true, true, true]);
    expect(written).toEqual([7, 9]);
    expect([...objects.keys()]).toEqual([pointer]);
  });

  it('wait until the model is ready, while snapshots are written by time', async () => {
    ready = false;
    scheduler.start();
    const replaced = supersede();
    scheduler.count(1);
    await pass(1_000);
    await go();
    expect(written).toEqual([7]);
    expect(objects.size).toBe(2);
    ready = true;
    position = 8;
    await pass(1_000);
    await goOnUntilQuiet();
    expect(await replaced).toBe(true);
    expect(written).toEqual([7, 8]);
    expect([...objects.keys()]).toEqual([pointer]);
  });

  it('are carried out later if the server did not store the snapshot', async () => {
    failures.write = 1;
    scheduler.start();
    const replaced = supersede();
    await pass();
    await goOnUntilQuiet();
    expect(await replaced).toBe(true);
    expect(written).toEqual([7, 7]);
    expect([...objects.keys()]).toEqual([pointer]);
  });

  it('write no other snapshot if only the removal of the others failed', async () => {
    failures.remove = 2;
    scheduler.start();
    const replaced = supersede();
    await pass();
    await goOnUntilQuiet();
    expect(await replaced).toBe(true);
    expect(written).toEqual([7]);
    expect([...objects.keys()]).toEqual([pointer]);
  });

  it('resolve with false if the engine stops before', async () => {
    ready = false;
    scheduler.start();
    const replaced = supersede();
    await pass(1_000);
    await scheduler.stop();
    await pass(1_000);
    expect(await replaced).toBe(false);
    expect(await supersede()).toBe(false);
  });

  it('are carried out by the last snapshot if the engine stops before they begin', async () => {
    scheduler.start();
    const first = supersede();
    await pass();
    position = 9;
    const second = supersede();
    const stopped = scheduler.stop().then(() => scheduler.last());
    await pass();
    await goOnUntilQuiet();
    await stopped;
    expect(await first).toBe(true);
    expect(await second).toBe(false);
    expect(written).toEqual([7, 9]);
    expect([...objects.keys()]).toEqual([pointer]);
  });
});
