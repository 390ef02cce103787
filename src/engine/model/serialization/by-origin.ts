/** Groups the events of all histories by the id that published them, in steps. */
import type { Steps } from '../primitives/steps.ts';
import type { Histories } from '../state/histories.ts';

/** Events or users in one step. */
const STEP = 65_536;

/** Rows of the histories' columns by origin, each group in log order; the group of number n ends before `ends[n]`. */
export interface ByOrigin {
  order: Int32Array;
  ends: Int32Array;
}

/** @param users all user numbers are below this */
export function* groupingByOrigin(histories: Histories, users: number): Steps<ByOrigin> {
  const ends = new Int32Array(users);
  let done = 0;
  for (let user = 0; user < users; user++) {
    const start = histories.start(user);
    const end = start + histories.length(user);
    for (let at = start; at < end; at++) {
      ends[histories.origins[at]!]!++;
      if (++done % STEP === 0) yield;
    }
    if (++done % STEP === 0) yield;
  }
  let total = 0;
  for (let user = 0; user < users; user++) {
    const count = ends[user]!;
    ends[user] = total;
    total += count;
  }
  yield;
  const order = new Int32Array(total);
  for (let user = 0; user < users; user++) {
    const start = histories.start(user);
    const end = start + histories.length(user);
    for (let at = start; at < end; at++) {
      order[ends[histories.origins[at]!]!++] = at;
      if (++done % STEP === 0) yield;
    }
    if (++done % STEP === 0) yield;
  }
  return { order, ends };
}
