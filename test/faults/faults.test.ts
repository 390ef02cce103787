/** The short form of `npm run test:long -- faults`: each fault once or a few times, on a real system. */

import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { compare, reckon } from './harness/oracle.ts';
import { FAULTS } from './kinds/all.ts';
import { createFaultRunner } from './runner.ts';

const runner = createFaultRunner({ long: false, seed: 1 });
afterAll(() => runner.stop());

/** A fault that takes long even if all checks pass is in the long form only. */
describe('a system under a fault loses no event and counts none twice', () => {
  for (const fault of FAULTS.filter(({ times }) => times.short > 0))
    it(fault.name, async (context) => {
      const result = await runner.run(fault);
      if (result.skipped !== undefined) return context.skip(result.skipped);
      expect(result.wrong).toEqual([]);
      expect(result).toMatchObject({ injected: fault.times.short, lost: 0, doubled: 0 });
      expect(result.acknowledged).toBeGreaterThan(0);
    });

  it('and equals a fold of its log after all faults', async () => {
    expect(await runner.verified()).toEqual([]);
  });
});

describe('the comparison at the end of each fault', () => {
  it('finds an event that a service lacks, and a row without an event', async () => {
    const system = await runner.shared();
    expect(await system.compared()).toMatchObject({ lost: 0, doubled: 0, wrong: [] });
    const db = new Database(system.fileOf('user'));
    db.exec('DELETE FROM interaction WHERE seq = (SELECT min(seq) FROM interaction)');
    db.exec(
      `INSERT INTO interaction SELECT user, seq + 100000, type, item, value, list, time, id FROM interaction LIMIT 1`,
    );
    db.close();
    expect(compare(reckon(system.load.acknowledged), system.data)).toMatchObject({ lost: 1, doubled: 1 });
    expect(await system.verified('user')).toEqual([expect.stringContaining('"table":"interaction"')]);
  });
});
