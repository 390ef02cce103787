/**
 * The first 16 characters of ids in the kernel's memory. They decide most ties of scores there; where they are equal,
 * the kernel asks for the order of the ids (kernel.ts).
 */
import type { Address, Kernel } from './kernel.ts';

const CHARACTERS = 16;
/** A code unit from here on does not fit into a byte: the prefix ends with it. */
const LARGEST = 255;

export class IdPrefixes {
  readonly address: Address;
  readonly #kernel: Kernel;

  /** @param ids by number */
  constructor(kernel: Kernel, ids: readonly string[]) {
    this.#kernel = kernel;
    this.address = kernel.calls.newIdPrefixes(kernel.addTable(ids)) >>> 0;
  }

  /** Takes the id that a number has from now on. */
  set(number: number, id: string): void {
    const kernel = this.#kernel;
    const at = (kernel.calls.reserveIdPrefixes(this.address, number + 1) >>> 0) + number * CHARACTERS;
    const { bytes } = kernel;
    bytes.fill(0, at, at + CHARACTERS);
    for (let i = 0; i < CHARACTERS && i < id.length; i++) {
      const unit = id.charCodeAt(i);
      // Two words of eight characters; the first character is in the highest byte of its word.
      bytes[at + (i & 8) + 7 - (i & 7)] = Math.min(unit, LARGEST);
      if (unit >= LARGEST) break;
    }
  }
}
