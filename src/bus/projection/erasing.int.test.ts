/** An erasure in slices ends where the fold of the purged log ends, whatever comes between the slices. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { definitionsOf } from '../../../test/support/definitions.ts';
import { codec, linked, outgoing, registered, served, stored, viewed } from '../../../test/support/events.ts';
import {
  erasureHistory,
  foldInSlices,
  forgotten,
  KEY,
  purgedOf,
  type SlicedFold,
} from '../../../test/support/forgetting.ts';
import { runs, within } from '../../../test/support/runs.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { completeConfig } from '../../config/load.ts';
import type { ProjectionDefinition } from './definition.ts';
import { hashProjection } from './hash.ts';
import { openStore, type ProjectionStore } from './store.ts';

const config = completeConfig({});
const SERVICES: Record<string, () => ProjectionDefinition<never>> = definitionsOf(config);
const names = Object.keys(SERVICES);
/** The engine's rows are exact at once; what its model learned in order is not. */
const LEARNED = 'the model cannot subtract what it learned in the order of events';

const slicing = fc.record({
  eraseEvents: fc.integer({ min: 1, max: 3 }),
  batch: fc.integer({ min: 1, max: 6 }),
  /** Slices after each batch, and whether the process is killed then; both repeat. */
  slices: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 4 }),
  kills: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
});

describe('an erasure in slices', () => {
  it.each(names)(
    '%s equals a fold of the purged log, or reports that a rebuild is due',
    (name) => {
      let exact = 0;
      let under = 0;
      fc.assert(
        fc.property(erasureHistory, slicing, (acts, how) => {
          const definition = SERVICES[name] as () => ProjectionDefinition<never>;
          const messages = stored(acts);
          const live = foldInSlices({ definition, messages, ...how });
          const purged = foldInSlices({ definition, messages: purgedOf(messages) });
          under += live.sliced;
          const due = live.store.rebuildDue();
          if (due === undefined || due === LEARNED) {
            exact++;
            expect(hashProjection(live.store.db)).toEqual(hashProjection(purged.store.db));
          }
          expect(purged.store.rebuildDue()).toBeUndefined();
          expect(live.store.erasing()).toBe(false);
          for (const one of [live, purged]) one.store.close();
        }),
        { numRuns: runs(100) },
      );
      expect(exact).toBeGreaterThan(20);
      expect(under).toBeGreaterThan(20);
    },
    within(60_000),
  );
});
