/** Regions of the kernel's memory, for the kernel's own structures and for columns that TypeScript owns. */

/** A region of `bytes` bytes that begins with zeros. */
export function alloc(bytes: usize): usize {
  const region = heap.alloc(bytes);
  memory.fill(region, 0, bytes);
  return region;
}

export function release(region: usize): void {
  if (region != 0) heap.free(region);
}

/** Moves a region to one of `bytes` bytes, with zeros behind the `kept` bytes that move. */
export function grow(region: usize, kept: usize, bytes: usize): usize {
  const larger = heap.alloc(bytes);
  if (kept > 0) memory.copy(larger, region, kept);
  memory.fill(larger + kept, 0, bytes - kept);
  if (region != 0) heap.free(region);
  return larger;
}
