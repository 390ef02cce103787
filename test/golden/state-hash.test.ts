/**
 * State as a function of the log: the golden logs give the same tables and the same model for as long as the fold
 * versions are the same. A change of what a fold writes raises the version, and changes the constants with
 * `npm run test:long -- state-hash --write`; all other changes leave them as they are.
 */
import { describe, expect, it } from 'vitest';
import { EVENT_DATA } from '../../src/bus/event/types.ts';
import { differing, GOLDEN, hashState, pinned } from './state-hash.ts';
import { codec, DECLARED } from './state-log.ts';

describe.each(Object.entries(GOLDEN))('the log named %s', (name, { log, batches }) => {
  const messages = log();

  it('contains every type of event, dead letters and unknown types', () => {
    const decoded = messages.map((message) => codec.decode(message));
    const types = new Set(decoded.map((one) => (one.kind === 'event' ? one.event.type : one.kind)));
    const declared = DECLARED.map((verb) => `user.${verb}.v1`);
    expect([...types].sort()).toEqual([...Object.keys(EVENT_DATA), ...declared, 'dead', 'unknown-type'].sort());
  });

  it.each(batches)('gives the pinned state, folded in batches of %i', (batch) => {
    const found = hashState(messages, batch);
    expect(differing(found, pinned()[name])).toEqual([]);
    for (const service of Object.values(found.services)) {
      expect(service.duplicates).toBeGreaterThan(20);
      expect(service.dead_letters).toBeGreaterThan(20);
      expect(service.unknown).toBeGreaterThan(0);
      // The hash of an empty table would pin nothing.
      for (const [table, { rows }] of Object.entries(service.tables)) expect(rows, table).toBeGreaterThan(0);
    }
  });
});
