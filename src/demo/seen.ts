/**
 * Which reader has seen which item, in bounded memory: a Bloom filter (Bloom 1970) with four bits in one 32-byte block
 * (Putze, Sanders, Singler 2007), so that a query costs one cache miss. A false answer only hides one item from a reader.
 */
import { mix32 } from './random.ts';

export interface Seen {
  has(reader: number, item: number): boolean;
  add(reader: number, item: number): void;
}

const BITS_PER_PAIR = 12;

/** @param pairs expected number of pairs. After twice as many the filter starts again, and readers may see items again. */
export function createSeen(pairs: number): Seen {
  const blocks = Math.max(1, Math.ceil((pairs * BITS_PER_PAIR) / 256));
  const words = new Uint32Array(blocks * 8);
  let added = 0;
  let hash = 0;
  let block = 0;

  const locate = (reader: number, item: number): void => {
    hash = mix32(reader, item);
    block = (mix32(item, reader ^ 0x5bd1e995) % blocks) * 8;
  };
  // For each of the four bits, three bits of the hash choose the word and five choose the bit.
  const word = (i: number): number => block + ((hash >>> (i * 8)) & 7);
  const bit = (i: number): number => 1 << ((hash >>> (i * 8 + 3)) & 31);

  return {
    has(reader, item) {
      locate(reader, item);
      for (let i = 0; i < 4; i++) if ((words[word(i)]! & bit(i)) === 0) return false;
      return true;
    },
    add(reader, item) {
      if (++added > pairs * 2) {
        words.fill(0);
        added = 0;
      }
      locate(reader, item);
      for (let i = 0; i < 4; i++) {
        const w = word(i);
        words[w] = words[w]! | bit(i);
      }
    },
  };
}
