/** Looking back, and asking why, as an operator does it on a system that runs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { event } from '../support/events.ts';
import { books, reading } from '../support/readers.ts';
import { expectErrors, startSystem, type TestSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';

interface Ranking {
  items: { item: string; score: number }[];
  seq: number;
  source: string;
}
interface Why {
  standing: string;
  rank: number | null;
  score: number | null;
  seq: number;
  terms: { contribution: number }[];
  sentences: string[];
}

let system: TestSystem;

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'] });
  await system.publish([...books(), ...reading(300)]);
});
afterAll(async () => {
  expect(await system?.stop()).toBe(0);
});

const publish = (type: string, subject: string, data: object): Promise<number> =>
  system.publish([event(type, subject, data)]);
const get = async <T>(path: string): Promise<T> => (await fetch(`${system.http}${path}`)).json() as Promise<T>;
const told = ({ items, seq, source }: Ranking) => ({
  items: items.map(({ item, score }) => ({ item, score })),
  seq,
  source,
});

describe('what was served', () => {
  it('is computed again as of then, whatever events came later', async () => {
    // The engine may still be folding what was published.
    const taken = await until(
      async () => {
        const { items = [] } = await get<Partial<Ranking>>('/v1/trending');
        return items.length === 10 && items.map(({ item }) => item);
      },
      { within: 60_000 },
    );
    const [one, two, three, four] = taken as [string, string, string, string];
    const served: Ranking[] = [];
    for (const item of [one, two, three]) {
      const seq = await publish('user.viewed.v1', 'past-reader', { item });
      served.push(
        await get<Ranking>(`/v1/users/past-reader/recommendations?min_seq=${seq}&timeout_ms=30000&max_age_ms=0`),
      );
    }
    const [first, , last] = served as [Ranking, Ranking, Ranking];
    const similar = await get<Ranking>(`/v1/items/${one}/similar`);
    const trending = await get<Ranking>('/v1/trending');
    const known = await get<{ events: number }>(`/v1/users/past-reader?min_seq=${last.seq}`);
    await publish('user.viewed.v1', 'past-reader', { item: four });
    await publish('content.withdrawn.v1', last.items[0]?.item as string, {});

    for (const then of served)
      expect(told(await system.json('at', '--seq', String(then.seq), 'recommend', 'past-reader'))).toEqual(told(then));
    expect(served.map(({ items, source }) => [items.length, source])).toEqual(Array(3).fill([10, 'model']));
    expect(similar.items).toHaveLength(10);
    expect(told(first)).not.toEqual(told(last));
    const at = ['at', '--seq', String(last.seq)];
    expect(told(await system.json(...at, 'similar', one))).toEqual(told(similar));
    expect(told(await system.json(...at, 'trending'))).toEqual(told(trending));
    expect(await system.json(...at, 'get', 'past-reader')).toEqual(known);
    expect(await system.json('at', '--seq', String(first.seq), 'get', 'past-reader')).toMatchObject({ events: 1 });
    expect(await system.json(...at, 'history', 'past-reader')).toMatchObject({
      events: [{ item: three, seq: last.seq }, { item: two }, { item: one, seq: first.seq }],
      next: null,
    });
    expect(await system.json(...at, 'item', last.items[0]?.item as string)).toMatchObject({ available: true });
    // By the time at which the log took the event.
    const { events } = await system.json<{ events: { time: string }[] }>('history', 'past-reader', '-n', '1');
    const now = await system.json<Ranking>('at', '--time', '2999-01-01T00:00:00Z', 'recommend', 'past-reader');
    expect(now.seq).toBeGreaterThan(last.seq);
    expect(events).toHaveLength(1);
    const text = await system.cli(...at, 'recommend', 'past-reader', '-n', '3');
    expect(text).toMatchObject({ code: 0, stderr: expect.stringMatching(/as of sequence .* which the log stored at/) });
  });

  it('is explained, by terms that add up, now and as of then', async () => {
    const seq = await publish('user.viewed.v1', 'past-reader', { item: 'i40' });
    const list = await get<Ranking>(
      `/v1/users/past-reader/recommendations?min_seq=${seq}&timeout_ms=30000&max_age_ms=0`,
    );
    const { item, score } = list.items[0] as { item: string; score: number };
    const why = await system.json<Why>('why', 'past-reader', item);
    expect(why).toMatchObject({ standing: 'listed', rank: 1, score, seq: list.seq });
    expect(why.terms.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 9);
    await publish('user.viewed.v1', 'past-reader', { item });
    const then = await system.json<Why>('why', 'past-reader', item, '--at', String(list.seq));
    expect({ ...then, snapshot: '' }).toEqual({ ...why, snapshot: '' });
    const text = await system.cli('why', 'past-reader', item, '--at', String(list.seq));
    expect(text.stdout).toContain('is at place 1 in the list of past-reader');
    expect((await system.json<Why>('why', 'past-reader', 'i40')).sentences[0]).toMatch(/took it already/);
  });

  it('gives a clear error for an invalid request', async () => {
    await expectErrors(system, [
      [['at', '--seq', '9999999', 'recommend', 'past-reader'], 1, /FRESHET_POSITION_UNKNOWN: The log has no sequence/],
      [
        ['at', '--seq', '20', 'recommend', 'past-reader'],
        1,
        /FRESHET_NOT_FOUND: The log has no event of user past-reader/,
      ],
      [['at', 'recommend', 'past-reader'], 2, /FRESHET_USAGE: .* --seq or --time/],
      [['why', 'past-reader', 'no-such-item'], 1, /FRESHET_NOT_FOUND: No event names the item no-such-item/],
    ]);
  });
});
