/** Sorts ids in steps: a sort of 100,000 ids at once takes longer than a list. */
import type { Steps } from '../primitives/steps.ts';
import { byCodeUnits } from '../state/id-table.ts';

/** Ids that one step sorts or merges. */
const STEP = 1_024;

/** The ids in code-unit order; each id occurs once. */
export function* sortingIds(ids: Iterable<string>): Steps<string[]> {
  let runs: string[][] = [];
  let run: string[] = [];
  for (const id of ids) {
    if (run.push(id) < STEP) continue;
    runs.push(run.sort(byCodeUnits));
    run = [];
    yield;
  }
  runs.push(run.sort(byCodeUnits));
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let at = 0; at < runs.length; at += 2) merged.push(yield* merging(runs[at]!, runs[at + 1] ?? []));
    runs = merged;
  }
  return runs[0]!;
}

function* merging(one: readonly string[], other: readonly string[]): Steps<string[]> {
  const merged: string[] = [];
  for (let [a, b] = [0, 0]; a < one.length || b < other.length; ) {
    const first = b === other.length || (a < one.length && one[a]! < other[b]!);
    if (merged.push(first ? one[a++]! : other[b++]!) % STEP === 0) yield;
  }
  return merged;
}
