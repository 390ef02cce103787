import assert from 'node:assert/strict';
import { connect } from '../../../src/bus/nats/connection.ts';
import { createPublisher } from '../../../src/bus/nats/publisher.ts';
import { played, viewed } from '../../support/events.ts';
import { startProxy } from '../../support/proxy.ts';
import { until } from '../../support/wait.ts';
import type { Fault } from '../fault.ts';
import { SOURCE } from '../harness/load.ts';

const TOGETHER = 300;

export const answersLost: Fault = {
  name: 'answers-lost',
  what: `publishes that time out although they succeeded, and are sent again, ${TOGETHER} at a time`,
  times: { short: 1, long: 8 },
  quiet: true,
  inject: async ({ system }) => {
    const proxy = await startProxy(system.server.port);
    const url = new URL(system.url);
    url.port = String(proxy.port);
    const nc = await connect({ url: url.href, name: 'faults-publisher' });
    let again = 0;
    const publisher = createPublisher(nc, { timeoutMs: 200, retries: 100, onRetry: () => again++ });
    const before = await system.lastSeq();
    system.load.through(publisher);
    proxy.holdAnswers(true);
    const burst = system.load.burst(TOGETHER);
    await until(async () => (await system.lastSeq()) >= before + TOGETHER, { within: 20_000 });
    await until(() => again >= TOGETHER, { within: 20_000 });
    proxy.holdAnswers(false);
    await burst;
    system.load.through(system.publisher);
    await publisher.close();
    await nc.close();
    await proxy.close();
    assert.equal(await system.lastSeq(), before + TOGETHER);
  },
};

const SECOND_NS = 1_000_000_000;

export const publishedTwice: Fault = {
  name: 'published-twice',
  what: "events published again: 200 within the server's window for duplicates, and 200 outside of it",
  times: { short: 1, long: 4 },
  quiet: true,
  inject: async ({ system, random, n }) => {
    // New events: the server forgot the ids of the earlier ones when the test last narrowed the window.
    await system.load.burst(200);
    const events = [...system.load.acknowledged.values()].map(({ event }) => event);
    const some = () =>
      Array.from({ length: 200 }, () => events[random.below(events.length)] as (typeof events)[number]);
    const before = await system.lastSeq();
    const newest = events.slice(-200);
    await system.load.publish(...newest);
    assert.equal(await system.lastSeq(), before);
    const jsm = await system.nc.jetstreamManager();
    await jsm.streams.update('EVENTS', { duplicate_window: SECOND_NS / 10 });
    try {
      // The server forgets ids only as time passes, so the test publishes one event until the server stores it again.
      const probe = viewed('user-0', 'item-0', { id: `probe-${n}`, source: SOURCE });
      await system.load.publish(probe);
      const { others } = system.load;
      await until(async () => {
        await system.load.publish(probe);
        return system.load.others > others;
      });
      await system.load.publish(...new Set(some()));
      assert.ok(system.load.others > others + 100);
    } finally {
      await jsm.streams.update('EVENTS', { duplicate_window: 120 * SECOND_NS });
    }
  },
};

const DAY_MS = 86_400_000;

export const oddTimes: Fault = {
  name: 'odd-times',
  what: 'event times of 1970 and 2100, and of clocks that are a day slow or fast, 50 of each',
  times: { short: 0, long: 4 },
  inject: async ({ system, random, n }) => {
    const times = [() => 0, () => Date.UTC(2100, 0, 1), () => Date.now() - DAY_MS, () => Date.now() + DAY_MS];
    const events = Array.from({ length: 200 }, (_, i) =>
      (i % 3 === 0 ? played : viewed)(`user-${random.below(60)}`, `item-${random.below(80)}`, {
        id: `odd-${n}-${i}`,
        source: SOURCE,
        time: new Date((times[i % 4] as () => number)()).toISOString(),
      }),
    );
    await system.load.publish(...events);
  },
};
