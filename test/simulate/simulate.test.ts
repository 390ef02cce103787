/** The short form of `npm run test:long -- simulate`. */
import { describe, expect, it } from 'vitest';
import { simulateServices } from './simulation.ts';

/** Seeds from 1 on; the command runs thousands of them (`--runs`). */
const RUNS = 15;

describe('all services, in virtual time, with faults that follow from the seed', () => {
  it('equal the plain fold of the log at the end', async () => {
    let deaths = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const result = await simulateServices(seed);
      expect(result.wrong, `npm run test:long -- simulate -- --seed ${seed} --runs 1`).toEqual([]);
      deaths += result.deaths;
    }
    // Otherwise nothing would have been tested.
    expect(deaths).toBeGreaterThan(RUNS);
  });

  it('take the same steps with the same seed', async () => {
    for (const seed of [7, 8]) {
      const first = await simulateServices(seed);
      expect(await simulateServices(seed)).toEqual(first);
      expect(await simulateServices(seed + 100)).not.toMatchObject({ trace: first.trace });
    }
  });
});
