import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NotFoundError } from '../errors.ts';
import { listsOfMany } from './batch.ts';

const options = { window: 3, waitMs: 1_000, limitMs: 10_000, onError: () => undefined };

test('each user has its answer at its place, whatever the others get, and never more than the window are on the way', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(9), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      async (ids, window) => {
        let flying = 0;
        let most = 0;
        const listOf = async (user: string): Promise<string> => {
          most = Math.max(most, ++flying);
          for (let turns = Number(user); turns > 0; turns--) await Promise.resolve();
          flying--;
          if (Number(user) % 3 === 0) throw new NotFoundError(`no ${user}`, { next: 'nothing' });
          return `list of ${user}`;
        };
        const answers = await listsOfMany(ids.map(String), listOf, { ...options, window });
        expect(answers.map(({ user }) => user)).toEqual(ids.map(String));
        for (const { user, ranking, problem } of answers)
          if (Number(user) % 3 === 0) expect(problem).toMatchObject({ status: 404, detail: `no ${user}` });
          else expect(ranking).toBe(`list of ${user}`);
        expect(most).toBeLessThanOrEqual(window);
      },
    ),
  );
});

test('all users share the wait for a position, and those after the limit are not requested', async () => {
  let clock = 0;
  const waits: unknown[] = [];
  const answers = await listsOfMany(
    ['a', 'b', 'c', 'd'],
    async (user, { timeout_ms }) => {
      waits.push(timeout_ms);
      clock += 700;
      return user;
    },
    { ...options, window: 1, limitMs: 1_800, now: () => clock },
  );
  expect(waits).toEqual([1_000, 300, 0]);
  expect(answers[3]).toMatchObject({ user: 'd', problem: { status: 503, code: 'FRESHET_SERVICE_UNAVAILABLE' } });
});

test('an error that is no answer is reported', async () => {
  const errors: unknown[] = [];
  const broken = new TypeError('broken');
  const answers = await listsOfMany(['a'], () => Promise.reject(broken), {
    ...options,
    onError: (err) => void errors.push(err),
  });
  expect(errors).toEqual([broken]);
  expect(answers[0]?.problem).toMatchObject({ status: 500, code: 'FRESHET_INTERNAL' });
});
