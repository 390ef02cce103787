/** Sorts events by their position in the log, many at a time. */

const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;

/**
 * Indices of sequences (whole numbers from 0) in ascending order; equal sequences keep their order. A radix sort: a
 * sort by comparison of a million sequences takes longer than the fold of their events.
 */
export function logOrder(seqs: Float64Array): Uint32Array {
  let most = 0;
  for (const seq of seqs) if (seq > most) most = seq;
  let order = Uint32Array.from(seqs, (_, index) => index);
  let other = new Uint32Array(order.length);
  const starts = new Uint32Array(DIGITS + 1);
  for (let unit = 1; unit <= most; unit *= DIGITS) {
    starts.fill(0);
    for (const seq of seqs) starts[(Math.floor(seq / unit) % DIGITS) + 1]!++;
    for (let digit = 0; digit < DIGITS; digit++) starts[digit + 1]! += starts[digit]!;
    for (const index of order) other[starts[Math.floor(seqs[index]! / unit) % DIGITS]!++] = index;
    [order, other] = [other, order];
  }
  return order;
}
