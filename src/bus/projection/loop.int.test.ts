import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  countingLoop,
  countingProjection,
  openCounting,
  oracle,
  POISON,
  stateOf,
} from '../../../test/support/counting.ts';
import { codec, erased, event, outgoing, type TestEvent, viewed } from '../../../test/support/events.ts';
import { forgotten, KEY } from '../../../test/support/forgetting.ts';
import { runs, within } from '../../../test/support/runs.ts';
import { makeTempDir, removeTempDir, tempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { PublishUnacknowledgedError, SequenceNotReachedError } from '../../errors.ts';
import { streamSeq } from '../event/ids.ts';
import { createMemoryLog, type MemoryLog } from '../log/memory.ts';
import type { Log } from '../log/port.ts';
import type { Effect } from './after-commit.ts';
import type { LoopOptions, ProjectionLoop } from './loop.ts';
import { openStore, type ProjectionStore } from './store.ts';

const HANGS_MS = 600_000;

type Options = Partial<Omit<LoopOptions, 'log' | 'store'>>;

/** Publishes as an application must: it sends unacknowledged events again under the same id. */
async function publish(log: Log, ...events: unknown[]): Promise<number> {
  let last = 0;
  for (const one of events) {
    for (;;) {
      try {
        last = (await log.publish(outgoing(one))).seq;
        break;
      } catch (err) {
        if (!(err instanceof PublishUnacknowledgedError)) throw err;
      }
    }
  }
  return last;
}

interface Running {
  log: MemoryLog;
  folder: string;
  store: ProjectionStore;
  loop: ProjectionLoop;
}

function start(options: Options = {}, log = createMemoryLog(), folder = tempDir('loop')): Running {
  const store = openCounting(folder);
  const loop = countingLoop(log, store, options);
  loop.start();
  onTestFinished(async () => {
    await loop.stop();
    store.close();
  });
  return { log, folder, store, loop };
}

const effect = (afterCommit: Effect['afterCommit'], derive: Effect['derive'] = () => {}): Effect => ({
  name: 'a test',
  afterCommit,
  derive,
});

const end = async ({ loop, store }: Running): Promise<void> => {
  await loop.stop();
  store.close();
};

const views = (count: number, from = 0): TestEvent[] =>
  Array.from({ length: count }, (_, i) => viewed(`u${(from + i) % 5}`, `i${(from + i) % 11}`));

describe('the loop', () => {
  it('folds nothing while a caller holds it, and goes on afterwards, however many callers did', async () => {
    const log = createMemoryLog();
    const { store, loop } = start({ limits: { batchMax: 3 } }, log);
    await publish(log, ...views(10));
    await loop.reached(streamSeq(10), 5_000);
    const [first, second] = [loop.hold(), loop.hold()];
    await publish(log, ...views(10, 10));
    const asked = loop.reached(streamSeq(20), 5_000);
    await expect(loop.reached(streamSeq(11), 50)).rejects.toThrow(SequenceNotReachedError);
    first();
    first();
    await expect(loop.reached(streamSeq(11), 50)).rejects.toThrow(SequenceNotReachedError);
    expect(store.checkpoint().seq).toBe(10);
    second();
    expect(await asked).toBe(20);
    expect(stateOf(store)).toEqual(oracle(log.messages()));
  });

  it('loses nothing when it is stopped while a caller holds it', async () => {
    const log = createMemoryLog();
    const folder = tempDir('loop');
    const held = start({}, log, folder);
    await publish(log, ...views(10));
    await held.loop.reached(streamSeq(10), 5_000);
    held.loop.hold();
    await publish(log, ...views(10, 10));
    await expect(held.loop.reached(streamSeq(11), 50)).rejects.toThrow(SequenceNotReachedError);
    await end(held);
    const { store, loop } = start({}, log, folder);
    expect(store.checkpoint().seq).toBe(10);
    await loop.reached(streamSeq(20), 5_000);
    expect(stateOf(store)).toEqual(oracle(log.messages()));
  });

  it('folds the messages of the log and later ones', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(50));
    const { store, loop } = start({}, log);
    await loop.reached(streamSeq(50), 5_000);
    const last = await publish(log, ...views(30));
    await loop.reached(streamSeq(last), 5_000);
    expect(stateOf(store)).toEqual(oracle(log.messages()));
    expect(loop.status()).toMatchObject({ state: 'ready', lag: 0, checkpoint: { seq: 80 } });
    expect(loop.caughtUp()).toBe(true);
  });

  it('knows how many messages its state lacks once it has looked at the log', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(10));
    const store = openCounting(tempDir('loop'));
    // Commits only for a caller that waits, and has no other reason to read again.
    const loop = countingLoop(log, store, {
      limits: { batchWaitMs: HANGS_MS, batchRestMs: HANGS_MS, checkIntervalMs: HANGS_MS },
    });
    onTestFinished(async () => {
      await loop.stop();
      store.close();
    });
    expect(loop.lag()).toBeUndefined();
    loop.start();
    await loop.reached(streamSeq(10), HANGS_MS);
    expect(loop.lag()).toBe(0);
    const last = await publish(log, ...views(3));
    await until(() => loop.lag() === 3);
    await loop.reached(streamSeq(last), HANGS_MS);
    expect(loop.lag()).toBe(0);
  });

  it('reads on behind a consumer that the server has moved to the end of the log without sending the rest', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(10));
    let readers = 0;
    const skipping: Log = {
      ...log,
      read: (consumer, from, sink) => {
        const first = ++readers === 1;
        return log
          .read(consumer, from, {
            ...sink,
            message: (delivery) => {
              if (!first || delivery.delivery <= 4) sink.message(delivery);
            },
          })
          .then((reader) => (first ? { ...reader, delivered: async () => 4 } : reader));
      },
    };
    const store = openCounting(tempDir('loop'));
    const loop = countingLoop(skipping, store, { limits: { idleCheckMs: 20 } });
    loop.start();
    onTestFinished(async () => {
      await loop.stop();
      store.close();
    });
    await loop.reached(streamSeq(10), 5_000);
    expect(stateOf(store)).toEqual(oracle(log.messages()));
    expect(readers).toBe(2);
  });

  it('is ready on an empty log', async () => {
    const { loop } = start();
    expect(loop.status().state).toBe('catching-up');
    await until(() => loop.status().state === 'ready');
  });

  it('folds in batches, and an incomplete last batch without waiting for more', async () => {
    const sizes: number[] = [];
    const log = createMemoryLog();
    await publish(log, ...views(25));
    const { loop } = start(
      {
        limits: { batchMax: 10, batchWaitMs: 60_000 },
        observer: { batch: (_result, messages) => void sizes.push(messages) },
      },
      log,
    );
    await loop.reached(streamSeq(25), 5_000);
    expect(sizes).toEqual([10, 10, 5]);
  });

  it('folds a single message at once, and messages close behind it together', async () => {
    const sizes: number[] = [];
    const log = createMemoryLog();
    const { loop } = start(
      { limits: { batchRestMs: 1_000 }, observer: { batch: (_result, messages) => void sizes.push(messages) } },
      log,
    );
    await publish(log, ...views(1));
    await loop.reached(streamSeq(1), 5_000);
    for (const view of views(11)) await publish(log, view);
    await loop.reached(streamSeq(12), 5_000);
    expect(sizes).toEqual([1, 11]);
  });

  it.each(['before', 'after'])(
    'does not let a caller that waits for a position wait for a pause (request %s the event)',
    async (asked) => {
      const log = createMemoryLog();
      const { loop } = start({ limits: { batchRestMs: 3_600_000 } }, log);
      await publish(log, ...views(1));
      await loop.reached(streamSeq(1), 5_000);
      const early = asked === 'before' ? loop.reached(streamSeq(4), 5_000) : undefined;
      await publish(log, ...views(4));
      expect(await (early ?? loop.reached(streamSeq(4), 5_000))).toBeGreaterThanOrEqual(4);
    },
  );

  it('commits a part of a batch after a while, although more messages follow', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(9));
    // The last one is always late: while it is, the others may not wait for it.
    const late: Log = {
      ...log,
      read: (consumer, from, sink) =>
        log.read(consumer, from, { ...sink, message: (delivery) => delivery.pending > 0 && sink.message(delivery) }),
    };
    const store = openCounting(tempDir('loop'));
    const loop = countingLoop(late, store, {
      limits: { batchWaitMs: 5, idleCheckMs: 60_000, checkIntervalMs: 60_000 },
    });
    loop.start();
    onTestFinished(async () => {
      await loop.stop();
      store.close();
    });
    expect(await loop.reached(streamSeq(8), 5_000)).toBe(8);
    expect(loop.caughtUp()).toBe(false);
  });

  it('answers a caller that waits for a sequence when the loop reaches it, or after the time limit', async () => {
    const { log, loop } = start();
    const waiting = loop.reached(streamSeq(3), 5_000);
    await publish(log, ...views(3));
    expect(await waiting).toBeGreaterThanOrEqual(3);
    const error = await loop.reached(streamSeq(4), 20).catch((err: unknown) => err);
    expect(error).toBeInstanceOf(SequenceNotReachedError);
    expect(error).toMatchObject({ details: { asked: 4, reached: 3 } });
  });

  it('hands on the applied events of each batch, in order and once', async () => {
    const seen: number[] = [];
    const { log, loop, store } = start({
      followers: { effects: [effect(({ events }) => void seen.push(...events.map(({ seq }) => seq)))] },
    });
    log.inject({ cut: 0.1, double: 0.2, drop: 0.05 });
    const last = await publish(log, ...views(200));
    await loop.reached(streamSeq(last), 10_000);
    expect(seen).toEqual(stateOf(store).note.map(({ seq }) => seq));
  });

  it('reads the log again for the state in memory, up to the checkpoint, and reports that position meanwhile', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(40), viewed('u1', POISON), ...views(40, 40));
    const first = start({}, log);
    await first.loop.reached(streamSeq(81), 5_000);
    await end(first);
    const rows = openCounting(first.folder);
    const before = stateOf(rows);
    rows.close();

    let at = 0;
    let open!: () => void;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const shut: Log = {
      ...log,
      read: async (...args) => {
        await opened;
        return log.read(...args);
      },
    };
    const recalled: number[] = [];
    const store = openCounting(first.folder);
    const loop = countingLoop(shut, store, {
      followers: {
        state: {
          position: () => streamSeq(at),
          fold: (_events, seq) => {
            at = seq;
          },
        },
        effects: [effect(({ events, catchUp }) => void (catchUp && recalled.push(...events.map((one) => one.seq))))],
      },
      limits: { batchMax: 7 },
    });
    loop.start();
    onTestFinished(async () => {
      await loop.stop();
      store.close();
    });
    await until(() => loop.status().lag === 81);
    expect(loop.status()).toMatchObject({ state: 'catching-up', seq: 0, checkpoint: { seq: 81 } });
    expect(loop.caughtUp()).toBe(false);
    expect(await loop.reached(streamSeq(1), 20).catch((err: unknown) => err)).toBeInstanceOf(SequenceNotReachedError);
    log.inject({ cut: 0.05, double: 0.2, drop: 0.05 });
    open();
    await loop.reached(streamSeq(81), 10_000);
    expect(recalled).toEqual(before.note.map(({ seq }) => seq));
    expect(stateOf(store)).toEqual(before);
    const last = await publish(log, ...views(10));
    await loop.reached(streamSeq(last), 10_000);
    expect(recalled).toHaveLength(80);
    expect(stateOf(store).applied).toBe(90);
    await until(() => loop.status().state === 'ready' && loop.caughtUp());
  });

  it('folds the rows alone up to a state that began ahead of them, and derives effects once they are there', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(30));
    let at = 20;
    const folded: number[] = [];
    const seen: string[] = [];
    let rows = 0;
    const { store, loop } = start(
      {
        limits: { batchMax: 2, rowsAloneMax: 7 },
        followers: {
          state: {
            position: () => streamSeq(at),
            fold: (events, seq) => {
              rows = seq;
              if (seq <= at) return;
              folded.push(...events.map((one) => one.seq as number).filter((one) => one > at));
              at = seq;
            },
          },
          effects: [
            effect(
              ({ seq }) => void seen.push(`batch ${seq}`),
              (since) => void seen.push(`derived ${since} at ${rows}`),
            ),
          ],
        },
      },
      log,
    );
    expect(loop.answersFrom()).toBe(20);
    expect(await loop.reached(streamSeq(30), 5_000)).toBe(30);
    expect(folded).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
    // At the start, and with the batch that brings the rows to the state, of at most seven messages.
    expect(seen.slice(0, 2)).toEqual(['derived 0 at 0', 'derived 0 at 21']);
    expect(seen.slice(2)).toEqual(['batch 23', 'batch 25', 'batch 27', 'batch 29', 'batch 30']);
    expect(stateOf(store)).toEqual(oracle(log.messages()));
  });

  it('copies dead letters once each, also when copying fails at first', async () => {
    const copied: number[] = [];
    let failures = 2;
    const { log, loop, store } = start({
      deadLetterStream: {
        publish: async ({ seq }) => {
          if (failures-- > 0) throw new Error('the stream is away');
          return copied.push(seq);
        },
        remove: async () => {},
      },
    });
    await publish(log, viewed('u1', POISON), viewed('u1', 'a'), viewed('u1', POISON));
    await loop.reached(streamSeq(3), 5_000);
    await until(() => store.uncopied(10).length === 0);
    expect(copied).toEqual([1, 3]);
  });

  it('publishes no copy of a dead letter that an erasure has removed, and removes one that was in flight', async () => {
    const store = openStore({
      file: join(tempDir('loop'), 'counting.sqlite'),
      definition: countingProjection(),
      codec,
      cacheKib: 1_024,
      erasureKey: KEY,
    });
    const copied: number[] = [];
    const removed: number[] = [];
    let open!: () => void;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const log = createMemoryLog();
    const loop = countingLoop(log, store, {
      deadLetterStream: {
        publish: async ({ seq }) => {
          const place = copied.push(seq);
          await opened;
          return place;
        },
        remove: async (place) => void removed.push(place),
      },
    });
    loop.start();
    onTestFinished(async () => {
      await loop.stop();
      store.close();
    });
    await publish(log, viewed('u1', POISON), viewed('u1', POISON), viewed('u2', POISON));
    await loop.reached(streamSeq(3), 5_000);
    await until(() => copied.length > 0);
    const last = await publish(log, forgotten('u1', 3));
    await loop.reached(streamSeq(last), 5_000);
    open();
    await until(() => store.uncopied(10).length === 0);
    expect(copied).toEqual([1, 3]);
    expect(removed).toEqual([1]);
  });

  it('reports no failed commit when a follower fails after the commit, and answers the waiting caller', async () => {
    const interrupted: string[] = [];
    const derived: number[] = [];
    let failures = 1;
    const { log, loop } = start({
      observer: { interrupted: (reason) => void interrupted.push(reason) },
      followers: {
        effects: [
          effect(
            () => {
              if (failures-- > 0) throw new TypeError('a follower failed');
            },
            (since) => void derived.push(since),
          ),
        ],
      },
    });
    await until(() => loop.status().state === 'ready');
    const waiting = loop.reached(streamSeq(1), 5_000);
    await publish(log, ...views(1));
    expect(await waiting).toBe(1);
    expect(loop.status().trouble).toBeUndefined();
    expect(interrupted).toEqual([]);
    // Derived at the start, and again from the rows behind the failure.
    await until(() => derived.length === 2);
    expect(derived).toEqual([0, 0]);
    expect(loop.status().effects).toEqual([
      { name: 'a test', failed: 1, pending_since: null, reason: 'a follower failed' },
    ]);
  });

  it('isolates effects from each other, and derives a failed one again at the next commit', async () => {
    const [seen, derived]: [number[], number[]] = [[], []];
    const { log, loop } = start({
      limits: { checkIntervalMs: 60_000 },
      followers: {
        effects: [
          effect(
            ({ seq }) => (seq === 2 ? Promise.reject(new TypeError('no')) : undefined),
            (since) => void derived.push(since),
          ),
          effect(({ events }) => void seen.push(...events.map(({ seq }) => seq))),
        ],
      },
    });
    for (const seq of [1, 2]) {
      await publish(log, ...views(1));
      await loop.reached(streamSeq(seq), 5_000);
    }
    await until(() => loop.status().effects.length > 0);
    expect(loop.status().effects).toMatchObject([{ failed: 1, pending_since: 1 }]);
    await publish(log, ...views(1));
    await loop.reached(streamSeq(3), 5_000);
    expect(seen).toEqual([1, 2, 3]);
    expect(derived).toEqual([0, 1]);
    expect(loop.status().effects).toMatchObject([{ failed: 1, pending_since: null }]);
  });

  it('is not ready and stops reading once the state in memory has failed, and does not answer callers that wait for the event', async () => {
    let failed = 0;
    const { log, loop, store } = start({
      followers: {
        state: {
          position: () => streamSeq(1),
          fold: (_events, seq) => {
            if (seq > 1) throw new TypeError('the model is broken');
          },
        },
      },
      onStateFailed: () => failed++,
    });
    await publish(log, ...views(1));
    await loop.reached(streamSeq(1), 5_000);
    await publish(log, ...views(1));
    await until(() => failed === 1);
    expect(store.checkpoint().seq).toBe(2);
    expect(loop.status()).toMatchObject({
      state: 'catching-up',
      seq: 1,
      trouble: { code: 'FRESHET_STATE_FOLLOWER_FAILED', message: expect.stringContaining('the model is broken') },
    });
    expect(await loop.reached(streamSeq(2), 20).catch((err: unknown) => err)).toBeInstanceOf(SequenceNotReachedError);
  });

  it('stops at once in any state, and commits the received messages', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(20));
    const folder = tempDir('loop');
    for (const wait of [
      async () => {},
      async () => void (await Promise.resolve()),
      async () => void (await new Promise(setImmediate)),
    ]) {
      const store = openCounting(folder);
      const loop = countingLoop(log, store, { limits: { batchWaitMs: 60_000 } });
      loop.start();
      await wait();
      await Promise.race([loop.stop(), until(() => false, { within: 5_000, what: 'the loop stopping' })]);
      expect(loop.status().state).toBe('down');
      store.close();
    }
  });

  it('stops at once while the log does not answer', async () => {
    const log: Log = { ...createMemoryLog(), info: () => Promise.reject(new Error('nobody there')) };
    const store = openCounting(tempDir('loop'));
    const loop = countingLoop(log, store, { limits: { backoffMinMs: 60_000, backoffMaxMs: 60_000 } });
    loop.start();
    await until(() => loop.status().trouble !== undefined);
    expect(loop.status().trouble).toMatchObject({ message: 'nobody there' });
    await Promise.race([loop.stop(), until(() => false, { within: 5_000, what: 'the loop stopping' })]);
    store.close();
  });
});

describe('the loop under faults', () => {
  const faults = fc.record({
    drop: fc.constantFrom(0, 0.02, 0.2),
    double: fc.constantFrom(0, 0.05, 0.3),
    delay: fc.constantFrom(0, 0.1, 0.5),
    cut: fc.constantFrom(0, 0.02, 0.1),
    loseAck: fc.constantFrom(0, 0.1, 0.3),
  });
  // Few ids, so that identities are used again for the same and for other events.
  const anEvent = fc.record({
    kind: fc.constantFrom('view', 'view', 'view', 'view', 'link', 'unknown', 'broken'),
    user: fc.constantFrom('u1', 'u2', 'u3'),
    item: fc.constantFrom('a', 'b', 'c', POISON),
    id: fc.integer({ min: 0, max: 200 }),
  });
  const anAct = fc.oneof(
    { weight: 20, arbitrary: anEvent },
    { weight: 1, arbitrary: fc.constant({ kind: 'crash' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'cut' as const }) },
  );

  type Act = typeof anAct extends fc.Arbitrary<infer T> ? T : never;

  async function perform(log: MemoryLog, act: Extract<Act, { id: number }>, n: number): Promise<void> {
    const { kind, user, item, id } = act;
    const bytes = (text: string) => Buffer.from(text);
    // The log's own window would hide repeated events, so each message has a message id of its own.
    const send = async (message: { subject: string; payload: Uint8Array }): Promise<void> => {
      await log.publish({ ...message, identity: `n/${n}` }).catch((err: unknown) => {
        if (!(err instanceof PublishUnacknowledgedError)) throw err;
      });
    };
    if (kind === 'broken') return send({ subject: `ev.user.${user}.viewed`, payload: bytes('{"specversion":') });
    if (kind === 'unknown') {
      const unknown = event('user.x_undeclared.v1', user, { item }, { id: `e${id}` });
      return send({ subject: `ev.user.${user}.x_undeclared`, payload: bytes(JSON.stringify(unknown)) });
    }
    const one =
      kind === 'link'
        ? event('user.linked.v1', user, { session: item }, { id: `e${id}` })
        : viewed(user, item, { id: `e${id}` });
    return send(outgoing(one));
  }

  it(
    'reaches the state of a plain fold, whatever is dropped, doubled, delayed, cut or crashes',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer(),
          faults,
          fc.array(anAct, { minLength: 1, maxLength: 120 }),
          fc.constantFrom(1, 3, 10, 500),
          fc.constantFrom(0, 0, 1),
          async (seed, injected, acts, batchMax, batchRestMs) => {
            const log = createMemoryLog({ seed, faults: injected });
            const folder = makeTempDir('faults');
            let store = openCounting(folder);
            const limits = { batchMax, batchWaitMs: 0, batchRestMs, idleCheckMs: 5, backoffMaxMs: 2 };
            let loop = countingLoop(log, store, { limits });
            loop.start();
            try {
              for (const [n, act] of acts.entries()) {
                if (act.kind === 'cut') log.cut();
                else if (act.kind === 'crash') {
                  // As after a kill: nothing in memory is committed.
                  const crashed = loop;
                  store.close();
                  store = openCounting(folder);
                  await crashed.stop().catch(() => {});
                  loop = countingLoop(log, store, { limits });
                  loop.start();
                } else await perform(log, act as Extract<Act, { id: number }>, n);
              }
              const { lastSeq } = await log.info();
              // The last deliveries may be lost as well, for as long as there are faults.
              await loop.reached(lastSeq, 10_000);
              expect(stateOf(store)).toEqual(oracle(log.messages()));
              expect(store.checkpoint().seq).toBe(lastSeq);
            } finally {
              await loop.stop();
              store.close();
              removeTempDir(folder);
            }
          },
        ),
        { numRuns: runs(250) },
      );
    },
    within(60_000),
  );

  it('notices that the last messages of a quiet log did not arrive', async () => {
    const log = createMemoryLog();
    const { loop, store } = start({}, log);
    await until(() => loop.status().state === 'ready');
    log.inject({ drop: 1 });
    const last = await publish(log, ...views(3));
    await until(() => loop.status().lag > 0 || loop.status().checkpoint.seq < last);
    log.inject({});
    await loop.reached(streamSeq(last), 5_000);
    expect(stateOf(store)).toEqual(oracle(log.messages()));
  });

  it('waits while the disk is full, reports it, and goes on when there is room', async () => {
    const log = createMemoryLog();
    const { loop, store } = start({}, log);
    await publish(log, viewed('u1', 'a'));
    await loop.reached(streamSeq(1), 5_000);
    const before = stateOf(store);
    store.db.pragma(`max_page_count = ${store.db.pragma('page_count', { simple: true })}`);
    const last = await publish(
      log,
      ...Array.from({ length: 600 }, (_, i) => viewed(`user-${i}-${'x'.repeat(90)}`, 'a')),
    );
    await until(() => loop.status().trouble?.code === 'SQLITE_FULL');
    expect(loop.status()).toMatchObject({ state: 'catching-up' });
    // The server has sent all of them, and the loop has given back those that it could not commit.
    expect(loop.lag()).toBe(last - store.checkpoint().seq);
    // What fitted is there as a whole batch; nothing in between.
    const { seq } = store.checkpoint();
    expect(stateOf(store)).toEqual(seq === 1 ? before : oracle(log.messages().filter((message) => message.seq <= seq)));
    store.db.pragma('max_page_count = 1073741823');
    await loop.reached(streamSeq(last), 10_000);
    await until(() => loop.status().state === 'ready');
    expect(stateOf(store)).toEqual(oracle(log.messages()));
    expect(loop.status().trouble).toBeUndefined();
  });
});

describe('the loop on another log than that of its checkpoint', () => {
  const refusing = async (loop: ProjectionLoop) => {
    await until(() => loop.status().state === 'refusing');
    return loop.status();
  };

  /** A loop that has folded ten events in batches of two, closed; then the log changes, and it is opened again. */
  async function changed(change: (log: MemoryLog) => void | Promise<void>, more: TestEvent[] = []): Promise<Running> {
    const log = createMemoryLog();
    await publish(log, ...views(10), ...more);
    const first = start({ limits: { batchMax: 2 } }, log);
    await first.loop.reached(streamSeq(10 + more.length), 5_000);
    await end(first);
    await change(log);
    return start({ limits: { batchMax: 2 } }, log, first.folder);
  }

  it('refuses a re-created log, with both creation times', async () => {
    const { loop, store } = await changed(async (log) => {
      log.recreate();
      await publish(log, ...views(20));
    });
    const { trouble } = await refusing(loop);
    expect(trouble?.code).toBe('FRESHET_LOG_RECREATED');
    expect(trouble?.message).toContain(store.checkpoint().created);
    expect(trouble?.message).toContain(new Date(1_600_000_001_000).toISOString());
    expect(store.checkpoint().seq).toBe(10);
  });

  it('refuses a truncated log, with both sequences, until it is whole again', async () => {
    const taken: { subject: string; payload: Uint8Array }[] = [];
    const { log, loop, store } = await changed((log) => {
      taken.push(...log.messages().slice(7));
      log.truncate(7);
    });
    const { trouble } = await refusing(loop);
    expect(trouble).toMatchObject({ code: 'FRESHET_LOG_TRUNCATED' });
    expect(trouble?.message).toMatch(/ends at sequence 7.*folded sequence 10/);
    expect(trouble?.next).toBeDefined();
    expect(store.checkpoint().seq).toBe(10);
    expect(taken).toHaveLength(3);
    expect(log.messages()).toHaveLength(7);
  });

  it('refuses a truncated log with new messages, with both fingerprints', async () => {
    const { loop, store } = await changed(async (log) => {
      log.truncate(7);
      await publish(log, ...views(9, 3));
    });
    const { trouble } = await refusing(loop);
    expect(trouble?.code).toBe('FRESHET_LOG_FORKED');
    expect(trouble?.message).toMatch(/Sequence 10 .*[0-9a-f]{32} of .* instead of [0-9a-f]{32}/);
    expect(store.checkpoint().seq).toBe(10);
  });

  it('refuses a log that lost its beginning', async () => {
    const { loop } = await changed((log) => void log.purge(({ seq }) => seq <= 3));
    expect((await refusing(loop)).trouble).toMatchObject({
      code: 'FRESHET_LOG_PRUNED',
      message: expect.stringMatching(/starts at sequence 4.*fence 0/),
    });
  });

  it('refuses a log without its newest folded message', async () => {
    const { loop } = await changed((log) => void log.purge(({ seq }) => seq === 10));
    expect((await refusing(loop)).trouble).toMatchObject({
      code: 'FRESHET_LOG_PRUNED',
      message: expect.stringContaining('Sequence 10'),
    });
  });

  it('refuses a log that lost old folded messages in its middle', async () => {
    const { loop } = await changed((log) => void log.purge(({ seq }) => seq === 3 || seq === 5));
    expect((await refusing(loop)).trouble).toMatchObject({
      code: 'FRESHET_LOG_PRUNED',
      message: expect.stringContaining('Sequence 5'),
    });
  });

  it('folds nothing after a message that the server silently skips, until the server delivers it', async () => {
    const log = createMemoryLog();
    await publish(log, ...views(10));
    log.damage(7);
    const { loop, store } = start({}, log);
    expect((await refusing(loop)).trouble).toMatchObject({
      code: 'FRESHET_LOG_PRUNED',
      message: expect.stringMatching(/Sequence 7 of EVENTS is missing.*fence 0/),
    });
    expect(store.checkpoint().seq).toBe(6);
    log.mend();
    await loop.reached(streamSeq(10), 5_000);
    expect(loop.status().state).toBe('ready');
    expect(stateOf(store)).toEqual(oracle(log.messages()));
  });

  it('notices another log while it runs', async () => {
    const { log, loop, store } = start();
    await publish(log, ...views(5));
    await loop.reached(streamSeq(5), 5_000);
    log.recreate();
    await publish(log, ...views(3));
    expect((await refusing(loop)).trouble?.code).toBe('FRESHET_LOG_RECREATED');
    expect(store.checkpoint().seq).toBe(5);
  });

  it('goes on by itself when the log is the right one again', async () => {
    const right = createMemoryLog();
    await publish(right, ...views(10));
    const wrong = createMemoryLog();
    await publish(wrong, ...views(4));
    let current: MemoryLog = right;
    const swapped: Log = {
      stream: 'EVENTS',
      info: () => current.info(),
      at: (seq) => current.at(seq),
      newest: (filter) => current.newest(filter),
      all: (filter) => current.all(filter),
      missing: (after) => current.missing(after),
      publish: (message) => current.publish(message),
      read: (consumer, from, sink) => current.read(consumer, from, sink),
    };
    const store = openCounting(tempDir('loop'));
    const loop = countingLoop(swapped, store);
    loop.start();
    onTestFinished(async () => {
      await loop.stop();
      store.close();
    });
    await loop.reached(streamSeq(10), 5_000);
    current = wrong;
    right.cut();
    await refusing(loop);
    current = right;
    const last = await publish(right, ...views(5));
    await loop.reached(streamSeq(last), 5_000);
    expect(loop.status()).toMatchObject({ state: 'ready' });
    expect(stateOf(store)).toEqual(oracle(right.messages()));
  });

  describe('after an erasure removed messages', () => {
    const gone = (log: MemoryLog) =>
      void log.purge(({ subject, seq }) => subject.startsWith('ev.user.u0.') && seq <= 10);

    it('goes on if it has folded the erasure', async () => {
      const { log, loop, store } = await changed(gone, [erased('act', 10)]);
      const last = await publish(log, ...views(5));
      await loop.reached(streamSeq(last), 5_000);
      expect(loop.status()).toMatchObject({ state: 'ready' });
      expect(store.checkpoint().fence).toBe(10);
    });

    it('goes on if the erasure came while it was stopped', async () => {
      const { log, loop } = await changed(async (log) => {
        await publish(log, erased('act', 10));
        // The front of the log and the newest message that was folded.
        log.purge(({ seq }) => seq === 1 || seq === 10);
      });
      const last = await publish(log, ...views(5));
      await loop.reached(streamSeq(last), 5_000);
      expect(loop.status()).toMatchObject({ state: 'ready' });
    });

    it('can fold the log from its beginning', async () => {
      const log = createMemoryLog();
      await publish(log, ...views(10), erased('act', 10));
      gone(log);
      const { loop, store } = start({}, log);
      await loop.reached(streamSeq(11), 5_000);
      expect(loop.status()).toMatchObject({ state: 'ready' });
      expect(stateOf(store)).toEqual(oracle(log.messages()));
    });

    it('still refuses a log with missing messages after the fence', async () => {
      const { loop } = await changed(async (log) => {
        await publish(log, erased('act', 5));
        log.purge(({ seq }) => seq <= 8);
      });
      expect((await refusing(loop)).trouble?.code).toBe('FRESHET_LOG_PRUNED');
    });
  });
});
