import type { PreparedEvent } from '../../../src/bus/event/codec.ts';
import { createPublisher } from '../../../src/bus/nats/publisher.ts';
import { viewsOf } from '../../load/requests.ts';
import { publishAll } from '../../pipeline/pipeline.ts';
import { type BenchSystem, folded } from '../../serving/system.ts';
import { askWhile } from '../asking.ts';
import { prepareBusy } from '../busy.ts';
import { prepared } from '../prepared.ts';
import { less, more, type Row, same } from '../row.ts';
import { current, engineMetrics, headOf, secondsSince, withSystem } from '../system.ts';

const CALLERS = 16;
/** Share of the users with new events. */
const ACTIVE = 0.25;

export const catchingUpRow: Row = {
  name: 'catching-up',
  about: `lists over HTTP for ${CALLERS} callers while the engine catches up with a burst of events; one user in four has new events`,
  needs: [],
  measure: (measurement) =>
    withSystem(measurement, {}, async (system) => {
      const busy = await prepareBusy(measurement, system);
      const { say, options } = measurement;
      const asking = { url: system.http, callers: CALLERS, next: busy.next };
      say('lists while nothing else happens');
      const { asked: idle } = await askWhile(
        asking,
        () => new Promise((resolve) => setTimeout(resolve, options.seconds * 1_000)),
      );
      // Made before, so that this process does not hold up its own callers meanwhile.
      const bursts = [1, 2].map((seed) => [
        ...prepared(calls(options.burst, viewsOf({ users: busy.some(ACTIVE), items: busy.items, seed }))),
      ]);
      say('catching up without callers');
      const alone = await catchUp(system, bursts[0] ?? []);
      // The rankings of the first burst would take their time from the second.
      await folded(system.nc, await headOf(system));
      say('catching up with callers');
      const before = await computedLists(system);
      const { asked, done: seconds } = await askWhile(asking, () => catchUp(system, bursts[1] ?? []));
      const after = await computedLists(system);
      return [
        more('lists', 'lists/s', asked.perSecond),
        less('p50', 'ms', asked.latency.p50),
        less('p99', 'ms', asked.latency.p99),
        same('share computed afresh', '', (after.computed - before.computed) / Math.max(1, after.all - before.all)),
        same('median behind', 'events', asked.behind),
        more('lists without events', 'lists/s', idle.perSecond),
        less('catching up, with callers', 's', seconds),
        less('catching up, without callers', 's', alone),
        less('with callers, times as long', '', seconds / alone),
        same('failed requests', '', asked.failed + idle.failed),
      ];
    }),
};

/** Seconds from the first event of a burst, published as fast as the log takes it, until the engine has folded the last. */
async function catchUp(system: BenchSystem, burst: readonly PreparedEvent[]): Promise<number> {
  const publisher = createPublisher(system.nc);
  const started = performance.now();
  await publishAll(publisher, burst);
  await current(system, await headOf(system));
  const seconds = secondsSince(started);
  await publisher.close();
  return seconds;
}

function* calls<T>(times: number, make: () => T): Generator<T> {
  for (let call = 0; call < times; call++) yield make();
}

/** How many lists the engine has answered with, and how many of them it computed for the request, since its start. */
async function computedLists(system: BenchSystem): Promise<{ all: number; computed: number }> {
  const text = await engineMetrics(system);
  const counts = new Map(
    [...text.matchAll(/^freshet_recommendations_total\{.*?kind="(\w+)".*?\} (\S+)$/gm)].map(([, kind, n]) => [
      kind,
      Number(n),
    ]),
  );
  return { all: [...counts.values()].reduce((sum, n) => sum + n, 0), computed: counts.get('computed') ?? 0 };
}
