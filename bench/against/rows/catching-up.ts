import type { CloudEvent } from '../../../src/bus/event/types.ts';
import { viewsOf } from '../../load/requests.ts';
import { type BenchSystem, publishInBulk } from '../../serving/system.ts';
import { askWhile } from '../asking.ts';
import { type Busy, prepareBusy } from '../busy.ts';
import { less, type Measurement, more, type Row, same } from '../row.ts';
import { current, engineMetrics, secondsSince, withSystem } from '../system.ts';

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
      say('catching up without callers');
      const alone = await catchUp(measurement, system, busy, 1);
      say('catching up with callers');
      const before = await computedLists(system);
      const { asked, done: seconds } = await askWhile(asking, () => catchUp(measurement, system, busy, 2));
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

/** Publishes a burst as fast as the log takes it. Seconds from the first event until the engine has folded the last. */
async function catchUp(
  { options }: Measurement,
  system: BenchSystem,
  { some, items }: Busy,
  seed: number,
): Promise<number> {
  const view = viewsOf({ users: some(ACTIVE), items, seed });
  const events = Array.from({ length: options.burst }, view) as CloudEvent[];
  const started = performance.now();
  await current(system, await publishInBulk(system, events));
  return secondsSince(started);
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
