/**
 * Small whole numbers for ids, which index arrays. A number only says which id came first, so it must never decide
 * anything that a caller can see. The table uses the numbers of released ids again.
 */
export class IdTable {
  #numbers = new Map<string, number>();
  #ids: string[] = [];
  #free: number[] = [];
  readonly #onId: ((number: number, id: string) => void)[] = [];

  /** Adds a listener that the table calls with each id that gets a number. */
  onId(listener: (number: number, id: string) => void): void {
    this.#onId.push(listener);
  }

  /** The number of an id; a new one if the id has none. */
  intern(id: string): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    const number = this.#free.pop() ?? this.#ids.length;
    this.#ids[number] = id;
    this.#numbers.set(id, number);
    for (const listener of this.#onId) listener(number, id);
    return number;
  }

  find(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  id(number: number): string {
    return this.#ids[number]!;
  }

  /** Takes the number from its id, which is unknown from then on. The number stays in use until {@link release}. */
  detach(number: number): void {
    this.#numbers.delete(this.#ids[number]!);
  }

  /** Releases a number, and its id unless the id has another number by now. Nothing may be left under the number. */
  release(number: number): void {
    const id = this.#ids[number]!;
    if (id === '') return;
    if (this.#numbers.get(id) === number) this.#numbers.delete(id);
    this.#ids[number] = '';
    this.#free.push(number);
  }

  /** All numbers are below this. */
  get end(): number {
    return this.#ids.length;
  }

  /** Ids in use. */
  get count(): number {
    return this.#numbers.size;
  }

  /** Ids by number; an empty string for a number that is not in use. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  /** All ids in use, in no order. */
  inUse(): Iterable<string> {
    return this.#numbers.keys();
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
