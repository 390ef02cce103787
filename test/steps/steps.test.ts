/** A few stops of each protocol; `npm run test:long -- steps` makes all of them. */
import { describe, expect, it } from 'vitest';
import { PROTOCOLS } from './protocols.ts';
import { stopAtSteps } from './stops.ts';

describe('the protocols over several files', () => {
  it('lose, double and leave nothing where a process is killed at one of their steps', async () => {
    const { totals, wrong } = await stopAtSteps({ short: true });
    expect(wrong).toEqual([]);
    const stops = PROTOCOLS.reduce((sum, { short }) => sum + short.length, 0);
    expect(totals).toEqual({ stops, lost: 0, doubled: 0, stuck: 0 });
  });

  it('name only steps that they have for the short form', () => {
    for (const { steps, short } of PROTOCOLS) expect(steps).toEqual(expect.arrayContaining([...short]));
  });
});
