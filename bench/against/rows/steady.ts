import { eventRequests } from '../../load/requests.ts';
import { keepSending } from '../../load/steady.ts';
import { prepareBusy } from '../busy.ts';
import { less, type Row, same } from '../row.ts';
import { withSystem } from '../system.ts';

/** Lists a second, and events a second in requests of so many. */
const LISTS = 500;
const EVENTS = 2_000;
const BATCH = 20;
/** Share of the users with new events. */
const ACTIVE = 0.1;

export const steadyRow: Row = {
  name: 'steady',
  about: `${LISTS} lists/s over HTTP, without events and while ${EVENTS.toLocaleString('en')} events/s come from a tenth of the users`,
  needs: [],
  measure: (measurement) =>
    withSystem(measurement, {}, async (system) => {
      const { next, some, items } = await prepareBusy(measurement, system);
      const { say, options } = measurement;
      const url = system.http;
      const during = async () => {
        const lists = keepSending({ url, perSecond: LISTS, next });
        await new Promise((resolve) => setTimeout(resolve, options.seconds * 1_000));
        return lists.stop();
      };
      say('lists without events');
      await during();
      const quiet = await during();
      say('lists while events come');
      const events = keepSending({
        url,
        perSecond: EVENTS / BATCH,
        next: eventRequests({ users: some(ACTIVE), items, batch: BATCH, seed: 1 }),
      });
      const busy = await during();
      const published = await events.stop();
      return [
        less('p99 with events', 'ms', busy.latency.p99),
        less('p99 without events', 'ms', quiet.latency.p99),
        less('with events, times as long', '', busy.latency.p99 / quiet.latency.p99),
        same('lists with events', 'lists/s', busy.perSecond),
        same('events', 'events/s', published.perSecond * BATCH),
        same('failed requests', '', busy.failed + quiet.failed + published.failed),
      ];
    }),
};
