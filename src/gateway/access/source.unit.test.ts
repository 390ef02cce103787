import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idProblem } from '../../bus/event/ids.ts';
import { APPLICATION_BYTES, applicationOf, applicationProblem, sourceOf } from './source.ts';

const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((text) => idProblem(text) === undefined);
const application = id.filter((text) => applicationProblem(text) === undefined);

test('a source is a valid one, and belongs to one application and one user', () => {
  fc.assert(
    fc.property(application, id, application, id, (a, user, b, other) => {
      const source = sourceOf(a, user);
      expect(idProblem(source)).toBeUndefined();
      if (a !== b || user !== other) expect(source).not.toBe(sourceOf(b, other));
    }),
  );
});

test('a slash, a digest or an application that looks like another source changes nothing of that', () => {
  const long = 'é'.repeat(64);
  const hidden = sourceOf('a', long).slice('a/'.length);
  expect(hidden).toMatch(/^~/);
  const sources = [
    sourceOf('a', 'b/c'),
    sourceOf('a/b', 'c'),
    sourceOf('a', long),
    sourceOf('a', hidden),
    sourceOf('x'.repeat(APPLICATION_BYTES), long),
  ];
  expect(new Set(sources).size).toBe(sources.length);
  for (const source of sources) expect(idProblem(source)).toBeUndefined();
});

test('the name of a key is its application if it fits', () => {
  expect(applicationOf({ id: '0123', name: 'shop web' })).toBe('shop web');
  expect(applicationOf({ id: '0123', name: 'x'.repeat(101) })).toBe('0123');
  expect(applicationOf({ id: '0123', name: 'a\nb' })).toBe('0123');
});
