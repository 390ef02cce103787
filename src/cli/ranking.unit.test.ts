import { expect, it } from 'vitest';
import { originText } from './ranking.ts';

it('the line about a ranking says how far the engine is behind the log, if it is', () => {
  const origin = { source: 'model', seq: 7, snapshot: 'none', config: 'c1' } as const;
  const plain = 'source model, computed at sequence 7, snapshot none, configuration c1';
  expect(originText(origin)).toBe(plain);
  expect(originText({ ...origin, behind: 0 })).toBe(plain);
  expect(originText({ ...origin, behind: 1_200 })).toBe(
    'source model, computed at sequence 7 (the engine is 1,200 events behind the log), snapshot none, configuration c1',
  );
});
