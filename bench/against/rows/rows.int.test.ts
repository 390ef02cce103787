/** The rows over whole systems in small, each once in this tree: each gives its figures. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { tempDir } from '../../../test/support/tempdir.ts';
import { DEFAULTS, type RowOptions } from '../options.ts';
import type { Figure, Measurement, Row } from '../row.ts';
import { ROWS } from './mod.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const SMALL: RowOptions = {
  ...DEFAULTS,
  shopItems: 60,
  shopUsers: 40,
  shopEvents: 300,
  demoEvents: 300,
  busyItems: 60,
  busyUsers: 40,
  busyEvents: 400,
  burst: 300,
  seconds: 1,
  events: 500,
};

async function measured(name: string): Promise<Map<string, Figure['value']>> {
  const once = <T>(_key: string, make: () => Promise<T>): Promise<T> => make();
  const measurement: Measurement = {
    tree: { name: 'new', root: ROOT, commit: undefined, changed: false },
    options: SMALL,
    folder: tempDir('row'),
    say: () => {},
    onceInRun: once,
    onceInRound: once,
  };
  const row = ROWS.find((one) => one.name === name) as Row;
  return new Map((await row.measure(measurement)).map((figure) => [figure.name, figure.value]));
}

it('simulated: imports the shop and waits until the engine has folded it', async () => {
  const figures = await measured('simulated');
  const [current, imported] = ['until lists are current', 'until the rows are in the log'].map((name) =>
    figures.get(name),
  );
  expect(current).toBeGreaterThanOrEqual(imported as number);
  expect(figures.get('events until then')).toBeGreaterThan(0);
});

it('start: waits for the demo’s past and for the engine', async () => {
  const figures = await measured('start');
  expect(figures.get('until the demo’s lists are current')).toBeGreaterThanOrEqual(
    figures.get('until the system is ready') as number,
  );
});

it('catching-up: requests lists from the first event of the burst until the engine has folded the last', async () => {
  const figures = await measured('catching-up');
  expect(figures.get('lists')).toBeGreaterThan(0);
  expect(figures.get('failed requests')).toBe(0);
  // A quarter of the users act, and their lists are computed afresh.
  expect(figures.get('share computed afresh')).toBeGreaterThan(0);
  expect(figures.get('share computed afresh')).toBeLessThanOrEqual(1);
});

it('rebuild: folds the whole log', async () => {
  const figures = await measured('rebuild');
  expect(figures.get('events in the log')).toBeGreaterThanOrEqual(SMALL.events);
  expect(figures.get('rebuild')).toBeGreaterThan(0);
});

it('replica: waits until the second engine is ready, and finds the same lists in both', async () => {
  const figures = await measured('replica');
  expect(figures.get('events in the log')).toBeGreaterThanOrEqual(SMALL.events);
  expect(figures.get('until the replica is ready')).toBeGreaterThan(0);
  expect(figures.get('memory of the first engine')).toBeGreaterThan(0);
  expect(figures.get('users with different lists')).toBe(0);
});

it('steady: requests lists at its pace without events and with them', async () => {
  const figures = await measured('steady');
  expect(figures.get('p99 without events')).toBeGreaterThan(0);
  expect(figures.get('events')).toBeGreaterThan(0);
});
