import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Posting, Postings, placeOf, userOf } from './postings.ts';

const IDS = ['d', 'b', 'c', 'a'];

function rowOf(postings: Postings, item: number): Posting[] {
  const row = postings.row(item) ?? new Float64Array(0);
  return Array.from({ length: postings.count(item) }, (_, at) => ({
    seq: row[at * 2]!,
    user: userOf(row[at * 2 + 1]!),
    place: placeOf(row[at * 2 + 1]!),
  }));
}

const inOrder = (postings: readonly Posting[]): Posting[] =>
  [...postings].sort((x, y) => x.seq - y.seq || (IDS[x.user]! < IDS[y.user]! ? -1 : 1));

// As in a history, a user has one event at a place.
const several = fc
  .uniqueArray(fc.record({ seq: fc.nat(40), user: fc.nat(3) }), { selector: ({ seq, user }) => `${seq} ${user}` })
  .map((all): Posting[] => all.map((one) => ({ ...one, place: one.seq })));

describe('postings of an item', () => {
  it('are in log order, ties by the ids of users, for any order of insertion', () => {
    fc.assert(
      fc.property(several, (all) => {
        const postings = new Postings(IDS);
        for (const one of all) postings.append(3, one.seq, one.user, one.place);
        expect(rowOf(postings, 3)).toEqual(inOrder(all));
      }),
    );
  });

  it('change in one pass as they would one by one, and leave no trace', () => {
    fc.assert(
      fc.property(several, fc.infiniteStream(fc.nat(3)), (all, random) => {
        const fates = all.map((one) => ({ one, fate: random.next().value as number }));
        const of = (...wanted: number[]) => fates.filter(({ fate }) => wanted.includes(fate)).map(({ one }) => one);
        const postings = new Postings(IDS);
        for (const one of of(0, 1, 2)) postings.append(0, one.seq, one.user, one.place);
        postings.change(0, of(1), of(3));
        for (const one of of(2)) postings.move(0, one, one.place + 1);
        const moved = of(2).map((one) => ({ ...one, place: one.place + 1 }));
        expect(rowOf(postings, 0)).toEqual(inOrder([...of(0, 3), ...moved]));
        expect(
          postings
            .row(0)
            ?.subarray(postings.count(0) * 2)
            .every((word) => word === 0) ?? true,
        ).toBe(true);
      }),
    );
  });
});
