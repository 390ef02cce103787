/**
 * The best k of many items by score, ties by the items' ids: a bounded heap with the worst item on top. The order in
 * which a caller offers items does not change the result.
 */
export class TopK {
  #size: number;
  #ids: readonly string[];
  /** The heap, {@link count} items and scores: the worst first, the others in no reliable order. */
  items: Int32Array;
  scores: Float64Array;
  #count = 0;

  constructor(size: number, ids: readonly string[]) {
    this.#size = size;
    this.#ids = ids;
    this.items = new Int32Array(size);
    this.scores = new Float64Array(size);
  }

  /** Empties the heap for another k and returns it. A new heap costs more. */
  reset(size: number): this {
    if (size > this.items.length) {
      this.items = new Int32Array(size);
      this.scores = new Float64Array(size);
    }
    this.#size = size;
    this.#count = 0;
    return this;
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.#size;
  }

  /** Whether an item of this score can be among the best: a quick test before the caller computes more. */
  admits(score: number): boolean {
    return this.#count < this.#size || score >= this.scores[0]!;
  }

  offer(item: number, score: number): void {
    if (this.#count < this.#size) {
      let at = this.#count++;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!this.#ranksBelow(item, score, parent)) break;
        this.items[at] = this.items[parent]!;
        this.scores[at] = this.scores[parent]!;
        at = parent;
      }
      this.items[at] = item;
      this.scores[at] = score;
      return;
    }
    if (this.#size === 0 || this.#ranksBelow(item, score, 0)) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#ranksBelow(this.items[child + 1]!, this.scores[child + 1]!, child)) child++;
      if (this.#ranksBelow(item, score, child)) break;
      this.items[at] = this.items[child]!;
      this.scores[at] = this.scores[child]!;
      at = child;
    }
    this.items[at] = item;
    this.scores[at] = score;
  }

  /** Whether an item ranks below the one at a place of the heap. */
  #ranksBelow(item: number, score: number, place: number): boolean {
    const other = this.scores[place]!;
    if (score !== other) return score < other;
    return this.#ids[item]! > this.#ids[this.items[place]!]!;
  }

  /** The best score; 1 when the heap is empty. */
  get bestScore(): number {
    if (this.#count === 0) return 1;
    let best = this.scores[0]!;
    for (let i = 1; i < this.#count; i++) if (this.scores[i]! > best) best = this.scores[i]!;
    return best;
  }

  /** The items, best first. */
  sorted(): { item: number; score: number }[] {
    const kept: { item: number; score: number }[] = [];
    for (let i = 0; i < this.#count; i++) kept.push({ item: this.items[i]!, score: this.scores[i]! });
    return kept.sort((a, b) => b.score - a.score || (this.#ids[a.item]! < this.#ids[b.item]! ? -1 : 1));
  }
}
