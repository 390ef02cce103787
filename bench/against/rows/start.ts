import { readdirSync } from 'node:fs';
import { until } from '../../serving/system.ts';
import { less, type Row } from '../row.ts';
import { current, headOf, secondsSince, withSystem } from '../system.ts';

/** The demo writes this file once its past is in the log. */
const MARKER = /^demo-.*\.done$/;

export const startRow: Row = {
  name: 'start',
  about: '`freshet up` with the demo in an empty data folder, all installed, until the demo’s lists are current',
  needs: [],
  measure: async (measurement) => {
    const { demoEvents } = measurement.options;
    const settings = demoEvents === undefined ? {} : { FRESHET_DEMO_EVENTS: String(demoEvents) };
    const started = performance.now();
    return withSystem(measurement, { args: [], settings }, async (system) => {
      const ready = secondsSince(started);
      measurement.say(`ready after ${ready.toFixed(1)} s; the engine catches up with the demo’s past`);
      await until(async () => readdirSync(system.data).some((name) => MARKER.test(name)));
      // The demo goes on with live events, so the lists are current once the engine has folded the past.
      await current(system, await headOf(system));
      return [
        less('until the demo’s lists are current', 's', secondsSince(started)),
        less('until the system is ready', 's', ready),
      ];
    });
  },
};
