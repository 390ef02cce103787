/** Regions of the kernel's memory, for the kernel's own structures and for columns that TypeScript owns. */

/** Tells TypeScript that the memory has grown, so that its views of it are void. */
// @ts-ignore: decorator
@external('host', 'grew')
declare function grew(): void;

/** A region of `bytes` bytes. All regions come from here. */
function take(bytes: usize): usize {
  const pages = memory.size();
  const region = heap.alloc(bytes);
  if (memory.size() != pages) grew();
  return region;
}

/** A region of `bytes` bytes that begins with zeros. */
export function alloc(bytes: usize): usize {
  const region = take(bytes);
  memory.fill(region, 0, bytes);
  return region;
}

export function release(region: usize): void {
  if (region != 0) heap.free(region);
}

/** Moves a region to one of `bytes` bytes, with zeros behind the `kept` bytes that move. */
export function grow(region: usize, kept: usize, bytes: usize): usize {
  const larger = take(bytes);
  if (kept > 0) memory.copy(larger, region, kept);
  memory.fill(larger + kept, 0, bytes - kept);
  if (region != 0) heap.free(region);
  return larger;
}
