import { join } from 'node:path';
import { createPublisher } from '../../../src/bus/nats/publisher.ts';
import { publishAll } from '../../pipeline/pipeline.ts';
import { prepared } from '../prepared.ts';
import { more, type Row, same } from '../row.ts';
import { logOf, simulatedEvents } from '../simulated.ts';
import { runVerb, withSystem } from '../system.ts';

interface Replayed {
  messages: number;
  seconds: number;
}

export const rebuildRow: Row = {
  name: 'rebuild',
  about:
    '`freshet replay engine`: the engine rebuilt from the first event of a simulated log, with no service beside it',
  needs: [],
  measure: (measurement) =>
    withSystem(measurement, { args: ['--only', 'nats'] }, async (system) => {
      const { events } = measurement.options;
      await runVerb(measurement, system, ['streams', 'apply']);
      measurement.say(`publishing ${events.toLocaleString('en')} events`);
      const publisher = createPublisher(system.nc);
      await publishAll(publisher, prepared(simulatedEvents(logOf(events))));
      await publisher.close();
      measurement.say('rebuilding');
      const { messages, seconds } = await runVerb<Replayed>(measurement, system, [
        'replay',
        'engine',
        '--into',
        join(system.data, 'rebuilt'),
        '--data',
        system.data,
      ]);
      return [more('rebuild', 'events/s', messages / seconds), same('events in the log', '', messages)];
    }),
};
