/** Ranges of sequences of the log: `7`, `500-509`. */

/** Both ends belong to it. */
export interface SequenceRange {
  first: number;
  last: number;
}

/** Sequences in ascending order as ranges that do not touch each other. */
export function rangesOf(sequences: Iterable<number>): SequenceRange[] {
  const ranges: SequenceRange[] = [];
  for (const seq of sequences) {
    const open = ranges.at(-1);
    if (open && seq <= open.last + 1) open.last = Math.max(open.last, seq);
    else ranges.push({ first: seq, last: seq });
  }
  return ranges;
}

/** Ranges in order, those that touch or overlap as one. */
export function joined(ranges: readonly SequenceRange[]): SequenceRange[] {
  const all: SequenceRange[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const open = all.at(-1);
    if (open && first <= open.last + 1) open.last = Math.max(open.last, last);
    else all.push({ first, last });
  }
  return all;
}

/** The range that holds a sequence, of ranges in order that do not overlap; undefined: none does. */
export function rangeWith(ranges: readonly SequenceRange[], seq: number): SequenceRange | undefined {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle] as SequenceRange).last < seq) low = middle + 1;
    else high = middle;
  }
  const found = ranges[low];
  return found && found.first <= seq ? found : undefined;
}

/** The highest sequence from `first` to `last` that the ranges do not hold; 0 without one. */
export function highestOutside(ranges: readonly SequenceRange[], first: number, last: number): number {
  for (let seq = last; seq >= first; ) {
    const range = rangeWith(ranges, seq);
    if (!range) return seq;
    seq = range.first - 1;
  }
  return 0;
}

/** The highest sequence of a gap that nothing explains; 0 if each sequence is explained. */
export type Unexplained = (first: number, last: number) => number;

/** Erasures explain gaps up to a fence, and restores and accepted losses the ranges. */
export const unexplainedIn =
  (fence: () => number, explained: () => readonly SequenceRange[]): Unexplained =>
  (first, last) =>
    highestOutside(explained(), Math.max(first, fence() + 1), last);

/** The parts of ranges that other ranges, in order and apart, do not hold. */
export function without(ranges: readonly SequenceRange[], taken: readonly SequenceRange[]): SequenceRange[] {
  const left: SequenceRange[] = [];
  for (const { first, last } of ranges) {
    let from = first;
    for (const hole of taken) {
      if (hole.last < from) continue;
      if (hole.first > last) break;
      if (hole.first > from) left.push({ first: from, last: hole.first - 1 });
      from = hole.last + 1;
    }
    if (from <= last) left.push({ first: from, last });
  }
  return left;
}

/** Number of sequences in ranges that do not overlap. */
export const sizeOf = (ranges: readonly SequenceRange[]): number =>
  ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);

/** `500-509,514`, as the command line takes it. */
export const rangesText = (ranges: readonly SequenceRange[]): string =>
  ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');

/** The ranges of a text such as `500-509,514`, in order; undefined for another text. */
export function parseRanges(text: string): SequenceRange[] | undefined {
  const ranges: SequenceRange[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*([1-9][0-9]{0,15})(?:-([1-9][0-9]{0,15}))?\s*$/.exec(part);
    if (!match) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || !Number.isSafeInteger(last)) return undefined;
    ranges.push({ first, last });
  }
  return joined(ranges);
}
