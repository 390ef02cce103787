/** The benchmark of rebuilds in small: its figures, and its report of each service right after the measurement. */
import { expect, it } from 'vitest';
import { type RebuildFigures, runReplay } from './replay.ts';

it('rebuilds services in processes of their own and reports each as soon as it is measured', async () => {
  const told: RebuildFigures[] = [];
  const figures = await runReplay({
    events: 1_500,
    services: ['content', 'engine'],
    cacheKib: 2_048,
    say: () => {},
    measured: (one, { events }) => {
      expect(events).toBeGreaterThanOrEqual(1_500);
      told.push(one);
    },
  });
  expect(told.map(({ service }) => service)).toEqual(['content', 'engine']);
  expect(figures.services).toEqual(told);
  for (const { rebuild, raw, sqlite, limit, memory } of told) {
    expect(rebuild).toBeGreaterThan(0);
    expect(limit).toBeCloseTo(1 / (1 / raw + 1 / sqlite));
    expect(memory).toHaveLength(4);
    for (const { resident, heap, cache } of memory) {
      expect(heap).toBeLessThan(resident);
      expect(cache).toBeLessThanOrEqual(2);
    }
  }
  expect(told.map(({ learning }) => learning !== undefined)).toEqual([false, true]);
});
