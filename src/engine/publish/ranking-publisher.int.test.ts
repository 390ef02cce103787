/** Rankings in flight to KV on a real server: those of forgotten users, and the recorded positions. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RANKINGS } from '../../../streams.config.ts';
import { useServices } from '../../../test/support/services.ts';
import { until } from '../../../test/support/wait.ts';
import { streamSeq } from '../../bus/event/ids.ts';
import type { OutgoingMessage } from '../../bus/nats/publisher.ts';
import { completeConfig } from '../../config/load.ts';
import { emptyModel } from '../fold/model-fold.ts';
import { createLists } from '../serve/lists.ts';
import type { ItemChange } from './changed-items.ts';
import { createRankingPublisher, type RankingPublisher, readSettled } from './ranking-publisher.ts';

const services = useServices('ranking-publisher');
let rankings: RankingPublisher;
/** A publisher like it with other options. */
let another: (changed: { windowBytes: number }) => RankingPublisher;
/** Keys that were sent to the server, or that the test refused. */
let sent: string[];
let acknowledged: string[];
/** Called before each put; it holds the put up until it resolves, and fails it by throwing. */
let gate: (key: string) => Promise<void>;

/** What the publisher finds that changed before its start. */
let changes: () => AsyncGenerator<ItemChange>;

beforeEach(async () => {
  const { nc, publisher, logger } = services;
  sent = [];
  acknowledged = [];
  gate = () => Promise.resolve();
  changes = async function* () {};
  const model = emptyModel(completeConfig({}));
  const seq = () => streamSeq(7);
  const snapshot = () => 'none';
  const publish = async (message: OutgoingMessage) => {
    const key = message.subject.slice(`$KV.${RANKINGS.name}.`.length);
    sent.push(key);
    await gate(key);
    const ack = await publisher.publish(message);
    acknowledged.push(key);
    return ack;
  };
  const options = {
    nc,
    lists: createLists({ model, seq, snapshot, config: 'c', length: 10, capacity: 10, depth: 10 }),
    publisher: { ...publisher, publish },
    logger,
    caughtUp: () => true,
    paused: () => false,
    seq,
    changedItems: () => changes(),
    sliceMs: 1,
    serving: () => false,
    share: 1,
    window: 256,
    windowBytes: 16_777_216,
    maxWaitMs: 5_000,
    similarIntervalMs: 20,
    similarBatch: 10,
    similarLength: 10,
    trendingLength: 10,
    snapshot,
    config: 'c',
    arm: () => 'main',
  };
  rankings = createRankingPublisher(options);
  another = (changed) => createRankingPublisher({ ...options, ...changed });
});
afterEach(async () => {
  gate = () => Promise.resolve();
  await rankings.stop();
});

/** Messages of a user's key: a value, or a marker that still names them. */
async function messagesOf(user: string): Promise<number> {
  const filter = `$KV.${RANKINGS.name}.user.${user}`;
  const jsm = await services.nc.jetstreamManager();
  const { state } = await jsm.streams.info(`KV_${RANKINGS.name}`, { subjects_filter: filter });
  return state.subjects?.[filter] ?? 0;
}
/** What the erasure does once every service has folded the record. */
const purge = async (user: string): Promise<void> => {
  const jsm = await services.nc.jetstreamManager();
  await jsm.streams.purge(`KV_${RANKINGS.name}`, { filter: `$KV.${RANKINGS.name}.user.${user}` });
};
const usersOf = (keys: readonly string[]): string[] => keys.filter((key) => key.startsWith('user.'));
const countOf = (key: string): number => sent.filter((one) => one === key).length;

interface Held {
  release(): void;
  fail(): void;
}
/** Holds up the puts of one key. */
function hold(key: string): Held {
  const held: Held = { release: () => {}, fail: () => {} };
  const decided = new Promise<void>((resolve, reject) => {
    held.release = resolve;
    held.fail = () => reject(new Error('the server did not take it'));
  });
  decided.catch(() => {});
  gate = (one) => (one === key ? decided : Promise.resolve());
  return held;
}

describe('the ranking in flight of a user who is forgotten', () => {
  beforeEach(() => rankings.start());

  it('is not published again after its put failed', async () => {
    const put = hold('user.u1');
    rankings.enqueue(['u1'], []);
    await until(() => countOf('user.u1') === 1);
    rankings.forget('u1');
    put.fail();
    gate = () => Promise.resolve();
    // Whatever waits is published before this one is there, or with it.
    rankings.enqueue(['u2'], []);
    await until(() => acknowledged.includes('user.u2'));
    await until(() => rankings.backlog().users === 0);
    expect(countOf('user.u1')).toBe(1);
    expect(await messagesOf('u1')).toBe(0);
  });

  it('leaves no key if its put succeeds after the purge', async () => {
    const put = hold('user.u1');
    rankings.enqueue(['u1'], []);
    await until(() => countOf('user.u1') === 1);
    rankings.forget('u1');
    await purge('u1');
    put.release();
    await until(() => acknowledged.includes('user.u1'));
    await until(async () => (await messagesOf('u1')) === 0, { within: 3_000, what: 'no message under the key' });
  });

  it('leaves no key if another instance publishes at the time of the erasure', async () => {
    const put = hold('user.u1');
    rankings.enqueue(['u1'], []);
    await until(() => countOf('user.u1') === 1);
    const stopping = rankings.stop();
    rankings.forget('u1');
    await purge('u1');
    put.release();
    await stopping;
    await until(() => acknowledged.includes('user.u1'));
    await until(async () => (await messagesOf('u1')) === 0, { within: 3_000, what: 'no message under the key' });
  });

  it('is published for a user who acts again under the same id, and stays', async () => {
    const put = hold('user.u1');
    rankings.enqueue(['u1'], []);
    await until(() => countOf('user.u1') === 1);
    rankings.forget('u1');
    rankings.enqueue(['u1'], []);
    put.release();
    await until(() => acknowledged.filter((key) => key === 'user.u1').length === 2);
    rankings.enqueue(['u2'], []);
    await until(() => acknowledged.includes('user.u2'));
    await until(() => rankings.backlog().users === 0);
    await until(async () => (await messagesOf('u1')) === 1);
  });
});

describe('rankings on their way', () => {
  it('have no more bytes than the setting: the next one is computed once one of them has arrived', async () => {
    const narrow = another({ windowBytes: 1 });
    narrow.start();
    const put = hold('user.u1');
    narrow.enqueue(['u3', 'u2', 'u1'], []);
    await until(() => countOf('user.u1') === 1);
    // The puts of others would pass the gate while this one waits. The trending list has its own time.
    expect(usersOf(sent)).toEqual(['user.u1']);
    expect(narrow.backlog().users).toBe(2);
    put.release();
    await until(() => usersOf(acknowledged).length === 3);
    await narrow.stop();
  });
});

describe('the trending list', () => {
  const settledSimilar = async (): Promise<number | undefined> => (await readSettled(services.nc)).similar;

  it('records up to which position lists of similar items are published', async () => {
    rankings.start({ users: 0, similar: 1 });
    const put = hold('similar.b');
    rankings.enqueue([], [['b', 5]]);
    await until(() => countOf('similar.b') === 1);
    rankings.enqueue([], [['c', 6]]);
    await until(() => acknowledged.includes('similar.c'));
    await until(async () => (await settledSimilar()) === 4);
    put.release();
    // The position of the fold, once nothing is due.
    await until(async () => (await settledSimilar()) === 7);
    const done = sent.length;
    rankings.enqueue(['u1'], []);
    await until(() => acknowledged.includes('user.u1'));
    expect(sent.slice(done)).toEqual(['user.u1']);
  });

  it('records the old position until it has found all items that changed before the start', async () => {
    let attempts = 0;
    let answer = (): void => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    changes = async function* () {
      yield ['x', 3];
      if (attempts++ === 0) throw new Error('the log does not answer');
      await answered;
      yield ['y', 2];
    };
    rankings.start({ users: 0, similar: 1 });
    await until(() => acknowledged.includes('similar.x'));
    await until(async () => (await settledSimilar()) === 1);
    answer();
    await until(() => acknowledged.includes('similar.y'));
    await until(async () => (await settledSimilar()) === 7);
    expect(await readSettled(services.nc)).toEqual({ users: expect.any(Number), similar: 7 });
  });
});
