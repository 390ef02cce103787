/** What the model counts, as rows in canonical order. */
import type { ModelState } from '../state/model-state.ts';
import { placeOf, userOf } from '../state/postings.ts';

/**
 * Parts of the counts: `item_count` (item; weight, negative), `item_time` (item, bucket; weight, negative), `pair`
 * (item, other; after, before, together), `dismissed` (item; dismissals), `posting` (item, seq, user; place in the
 * history), `total` (what; value).
 */
export type CountedPart = 'item_count' | 'item_time' | 'pair' | 'dismissed' | 'posting' | 'total';

/** Rows of one part, in the order of their keys. */
export function countedRows(state: ModelState, part: CountedPart): Iterable<readonly (string | number)[]> {
  const { catalogue, statistics, dismissals, head } = state;
  const { ids } = catalogue.ids;
  switch (part) {
    case 'item_count':
      return statistics.totals(ids);
    case 'item_time':
      return statistics.times(ids);
    case 'pair':
      return statistics.pairsInOrder(ids);
    case 'dismissed':
      return itemsInOrder(state).flatMap((item) => {
        const count = dismissals.counts[item] ?? 0;
        return count === 0 ? [] : [[ids[item]!, count]];
      });
    case 'posting':
      return postingRows(state);
    case 'total':
      return [
        ['clock', head.clock],
        ['mass', statistics.mass],
        ['position', head.position],
      ];
  }
}

function itemsInOrder({ catalogue: { ids } }: ModelState): number[] {
  return ids.sorted().map((id) => ids.find(id)!);
}

function* postingRows(state: ModelState): Generator<[item: string, seq: number, user: string, place: number]> {
  const { catalogue, postings, users } = state;
  for (const item of itemsInOrder(state)) {
    const row = postings.row(item);
    for (let at = 0; at < postings.count(item) * 2; at += 2) {
      const packed = row![at + 1]!;
      yield [catalogue.ids.id(item), row![at]!, users.id(userOf(packed)), placeOf(packed)];
    }
  }
}
