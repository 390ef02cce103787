import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BenchSystem } from '../../serving/system.ts';
import { type Figure, less, type Measurement, more, type Row } from '../row.ts';
import { simulatedEvents } from '../simulated.ts';
import { current, headOf, runVerb, secondsSince, withSystem } from '../system.ts';

interface Imported {
  published: number;
}

/** `freshet import` into an empty system, until the engine has folded all of it. */
const measureImport = (measurement: Measurement, path: string): Promise<Figure[]> =>
  withSystem(measurement, {}, async (system: BenchSystem) => {
    measurement.say('importing');
    const started = performance.now();
    const { published } = await runVerb<Imported>(measurement, system, ['import', resolve(path)]);
    const imported = secondsSince(started);
    measurement.say(
      `imported ${published.toLocaleString('en')} events in ${imported.toFixed(1)} s; the engine catches up`,
    );
    await current(system, await headOf(system));
    const seconds = secondsSince(started);
    return [
      less('until lists are current', 's', seconds),
      more('events until then', 'events/s', published / seconds),
      less('until the rows are in the log', 's', imported),
    ];
  });

export const importRow: Row = {
  name: 'import',
  about: '`freshet import` of --data into an empty system, from its start until the lists are current',
  needs: ['data'],
  measure: (measurement) => measureImport(measurement, measurement.options.data as string),
};

export const simulatedRow: Row = {
  name: 'simulated',
  about: 'the same with a simulated shop',
  needs: [],
  measure: async (measurement) => {
    const { shopItems: items, shopUsers: users, shopEvents: events } = measurement.options;
    const file = await measurement.onceInRun('shop', async () => {
      const path = join(measurement.folder, 'shop.jsonl');
      const lines = [...simulatedEvents({ items, users, events })].map((event) => `${JSON.stringify(event)}\n`);
      writeFileSync(path, lines.join(''));
      return path;
    });
    return measureImport(measurement, file);
  },
};
