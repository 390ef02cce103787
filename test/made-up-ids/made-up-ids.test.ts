/** A small case; `npm run test:long -- made-up-ids` uses up the numbers of the model. */
import { expect, it } from 'vitest';
import { viewMadeUpIds } from './run.ts';

it.each([
  ['a new user for each view', undefined],
  ['users who return', 50],
])('a catalogue that is published after views of made-up items is served, with %s', (_who, users) => {
  const result = viewMadeUpIds({ views: 20_000, ...(users ? { users } : {}), published: 100 });
  expect(result).toMatchObject({ items: 20_100, refused: 0, served: 100, unpublished: 0 });
});
