import { expect, test } from 'vitest';
import type { ErasureStep } from './ledger.ts';
import { waitsOf } from './waits.ts';

const steps = (...states: [ErasureStep['state'], ...string[]][]): ErasureStep[] =>
  states.map(([state, ...down], i) => ({
    service: (['user', 'engine'] as const)[i] as 'user' | 'engine',
    state,
    at: null,
    ...(down.length > 0 ? { down } : {}),
  }));

test.each([
  ['nothing once it is done', { state: 'done', services: steps(['exact']) }, []],
  ['its record', { state: 'recording', services: [] }, [/record/]],
  [
    'the server',
    { state: 'purging', services: [], messages: { removed: 1_200, total: 3_000, index_clean: null } },
    [/overwritten 1,200 of about 3,000/],
  ],
  ['rows', { state: 'folding', services: steps(['rows'], ['waiting']) }, [/delete rows: engine\.$/]],
  [
    'a replica that is down, with the way out if it is gone',
    { state: 'folding', services: steps(['rows'], ['waiting', 'engine-2']) },
    [/waits for engine-2, which does not answer/, /freshet replica remove engine-2$/],
  ],
  ['a service that is down', { state: 'folding', services: steps(['waiting', 'user']) }, [/waits for user/]],
  ['a rebuild', { state: 'rebuilding', services: steps(['exact'], ['rows']) }, [/train again: engine\.$/]],
  [
    'the index of the server, last of all',
    {
      state: 'rebuilding',
      services: steps(['exact'], ['exact']),
      messages: { removed: 1, total: 1, index_clean: '2026-11-23T10:00:00.000Z' },
    },
    [/waits until 2026-11-23/],
  ],
] as const)('an erasure waits for %s', (_what, entry, expected) => {
  const waits = waitsOf(entry as Parameters<typeof waitsOf>[0]);
  expect(waits).toHaveLength(expected.length);
  for (const [i, sentence] of expected.entries()) expect(waits[i]).toMatch(sentence);
});
