/**
 * Evidence: how much more often an item follows those of the history than its share of all events would have it.
 * `sum over a < 30 of .8^a ln(1 + f[h_a][j] / (30 n_j / N))`: a logarithm per item of the history, so that many that
 * speak for it a little weigh more than one that speaks for it much.
 *
 * An event adds nothing of its own, f and n are counted anyway (statistics.ts). A reader reads f of each candidate in
 * the row of each of their items. Explained by the items that speak for it.
 */
import { ln, wholePower } from '../math.ts';
import type { Profile } from '../profile.ts';
import type { Statistics } from '../statistics.ts';

const REACH = 30;
const FADE = 0.8;
const PRIOR = 30;
/** What one full event right after another counts in f. */
const FULL = 1024;
const FADES = Float64Array.from({ length: REACH }, (_, a) => wholePower(FADE, a));

/** What f is divided by: the item's share of all events, in units of f. */
function expected(item: number, statistics: Statistics): number {
  return (FULL * PRIOR * Math.max(statistics.total[item]!, 16)) / Math.max(statistics.mass, 16);
}

/** What one of the history's items, `back` events ago, says for an item that followed it this much. */
export function evidenceOf(f: number, back: number, item: number, statistics: Statistics): number {
  return f > 0 && back < REACH ? FADES[back]! * ln(1 + f / expected(item, statistics)) : 0;
}

/** Adds the evidence for each candidate to a column of the table. */
export function addEvidence(
  profile: Profile,
  candidates: readonly number[],
  statistics: Statistics,
  into: Float64Array,
  column: number,
  columns: number,
): void {
  const divisors = Float64Array.from(candidates, (item) => 1 / expected(item, statistics));
  for (let place = 0; place < profile.items.length; place++) {
    const back = profile.backs[place]![0]!;
    if (back >= REACH) break;
    const fade = FADES[back]!;
    for (let row = 0; row < candidates.length; row++) {
      const f = statistics.pairs.readFirst(profile.items[place]!, candidates[row]!);
      if (f > 0) {
        const at = row * columns + column;
        into[at] = into[at]! + fade * ln(1 + f * divisors[row]!);
      }
    }
  }
}
