/**
 * Small whole numbers for ids, to index arrays with. A number says nothing but who came first; it must never decide
 * anything that can be seen from outside. Numbers of ids that are gone are used again.
 */
export class IdTable {
  #numbers = new Map<string, number>();
  #ids: string[] = [];
  #free: number[] = [];

  /** Number of an id, a new one if it has none. */
  of(id: string): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    const number = this.#free.pop() ?? this.#ids.length;
    this.#ids[number] = id;
    this.#numbers.set(id, number);
    return number;
  }

  find(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  id(number: number): string {
    return this.#ids[number]!;
  }

  /** Lets the id go; whoever calls has nothing left under its number. */
  release(number: number): void {
    const id = this.#ids[number]!;
    if (!this.#numbers.delete(id)) return;
    this.#ids[number] = '';
    this.#free.push(number);
  }

  /** Numbers are below this. */
  get end(): number {
    return this.#ids.length;
  }

  /** Ids in use. */
  get count(): number {
    return this.#numbers.size;
  }

  /** Ids by number; what isn't in use is empty. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  /** All ids in use, in code-unit order. */
  sorted(): string[] {
    return [...this.#numbers.keys()].sort(byCodeUnits);
  }
}

/** Order of ids by UTF-16 code units, the same on every platform. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
