/**
 * The best k of many numbers by score, ties by their ids (primitives/top-k.ts): a bounded heap with the worst on top.
 * The first 16 characters of ids are in the kernel's memory; where those are equal, TypeScript compares the ids.
 */
import { alloc, release } from './memory';

/** Says whether the id of number a comes after the id of number b, both of a table of ids (Kernel.addTable). */
// @ts-ignore: decorator
@external('host', 'comesAfter')
declare function comesAfter(table: i32, a: i32, b: i32): bool;

/** Prefixes of ids by number, 16 bytes each: two words whose order is that of the first 16 code units. */
@unmanaged
export class IdPrefixes {
  words: usize;
  capacity: i32;
  table: i32;
}

export function newIdPrefixes(table: i32): IdPrefixes {
  const prefixes = changetype<IdPrefixes>(alloc(offsetof<IdPrefixes>()));
  prefixes.table = table;
  return prefixes;
}

/** Makes room for numbers below `count`; returns where the words begin. */
export function reserveIdPrefixes(prefixes: IdPrefixes, count: i32): usize {
  if (count <= prefixes.capacity) return prefixes.words;
  const capacity = max(count, prefixes.capacity * 2);
  const words = alloc(<usize>capacity << 4);
  if (prefixes.words != 0) memory.copy(words, prefixes.words, <usize>prefixes.capacity << 4);
  release(prefixes.words);
  prefixes.words = words;
  prefixes.capacity = capacity;
  return words;
}

@unmanaged
export class Top {
  prefixes: usize;
  items: usize;
  scores: usize;
  capacity: i32;
  size: i32;
  count: i32;

  /** Empties the heap for another k. */
  reset(size: i32): void {
    if (size > this.capacity) {
      release(this.items);
      release(this.scores);
      this.items = alloc(<usize>size << 2);
      this.scores = alloc(<usize>size << 3);
      this.capacity = size;
    }
    this.size = size;
    this.count = 0;
  }

  // @ts-ignore: decorator
  @inline
  admits(score: f64): bool {
    return this.count < this.size || (this.size > 0 && score >= load<f64>(this.scores));
  }

  // @ts-ignore: decorator
  @inline
  itemAt(place: i32): i32 {
    return load<i32>(this.items + (<usize>place << 2));
  }

  // @ts-ignore: decorator
  @inline
  scoreAt(place: i32): f64 {
    return load<f64>(this.scores + (<usize>place << 3));
  }

  // @ts-ignore: decorator
  @inline
  put(place: i32, item: i32, score: f64): void {
    store<i32>(this.items + (<usize>place << 2), item);
    store<f64>(this.scores + (<usize>place << 3), score);
  }

  /** Whether a number ranks below the one at a place of the heap. */
  private ranksBelow(item: i32, score: f64, place: i32): bool {
    const other = this.scoreAt(place);
    if (score != other) return score < other;
    const prefixes = changetype<IdPrefixes>(this.prefixes);
    const theirs = this.itemAt(place);
    const a = prefixes.words + (<usize>item << 4);
    const b = prefixes.words + (<usize>theirs << 4);
    if (load<u64>(a) != load<u64>(b)) return load<u64>(a) > load<u64>(b);
    if (load<u64>(a, 8) != load<u64>(b, 8)) return load<u64>(a, 8) > load<u64>(b, 8);
    return comesAfter(prefixes.table, item, theirs);
  }

  offer(item: i32, score: f64): void {
    if (this.count < this.size) {
      let at = this.count++;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!this.ranksBelow(item, score, parent)) break;
        this.put(at, this.itemAt(parent), this.scoreAt(parent));
        at = parent;
      }
      this.put(at, item, score);
      return;
    }
    if (this.size == 0 || this.ranksBelow(item, score, 0)) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && this.ranksBelow(this.itemAt(child + 1), this.scoreAt(child + 1), child)) child++;
      if (this.ranksBelow(item, score, child)) break;
      this.put(at, this.itemAt(child), this.scoreAt(child));
      at = child;
    }
    this.put(at, item, score);
  }

  /** The best score; 1 when the heap is empty. */
  best(): f64 {
    if (this.count == 0) return 1;
    let best = this.scoreAt(0);
    for (let i = 1; i < this.count; i++) if (this.scoreAt(i) > best) best = this.scoreAt(i);
    return best;
  }
}

export function newTop(prefixes: IdPrefixes): Top {
  const top = changetype<Top>(alloc(offsetof<Top>()));
  top.prefixes = changetype<usize>(prefixes);
  return top;
}

/** The k-th largest of n scores, 0 < k < n, whose order it changes (Hoare's selection). */
function kthLargest(scores: usize, n: i32, k: i32): f64 {
  let low = 0;
  let high = n - 1;
  const target = k - 1;
  while (low < high) {
    const pivot = load<f64>(scores + (<usize>((low + high) >> 1) << 3));
    let i = low;
    let j = high;
    while (i <= j) {
      while (load<f64>(scores + (<usize>i << 3)) > pivot) i++;
      while (load<f64>(scores + (<usize>j << 3)) < pivot) j--;
      if (i > j) break;
      const score = load<f64>(scores + (<usize>i << 3));
      store<f64>(scores + (<usize>i << 3), load<f64>(scores + (<usize>j << 3)));
      store<f64>(scores + (<usize>j << 3), score);
      i++;
      j--;
    }
    if (target <= j) high = j;
    else if (target >= i) low = i;
    else break;
  }
  return load<f64>(scores + (<usize>target << 3));
}

/**
 * Puts the best k of n numbers into `into`, in no order: the same ones as a heap that takes all of them. When many of
 * the numbers are among the best, it takes a third of the time.
 *
 * @param scores by place; `scratch`: room for as many
 * @param ties a heap for the numbers that have the lowest of the scores
 */
export function chooseBest(
  into: Top,
  ties: Top,
  numbers: usize,
  scores: usize,
  n: i32,
  k: i32,
  scratch: usize,
): void {
  into.reset(k);
  let least = -Infinity;
  if (n > k) {
    if (k == 0) return;
    memory.copy(scratch, scores, <usize>n << 3);
    least = kthLargest(scratch, n, k);
  }
  let count = 0;
  let equal = 0;
  for (let i = 0; i < n; i++) {
    const score = load<f64>(scores + (<usize>i << 3));
    if (score > least) into.put(count++, load<i32>(numbers + (<usize>i << 2)), score);
    else if (score == least) equal++;
  }
  if (equal > 0) {
    ties.reset(k - count);
    for (let i = 0; i < n; i++)
      if (load<f64>(scores + (<usize>i << 3)) == least) ties.offer(load<i32>(numbers + (<usize>i << 2)), least);
    for (let i = 0; i < ties.count; i++) into.put(count++, ties.itemAt(i), least);
  }
  into.count = count;
}
