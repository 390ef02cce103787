/** Regions of the kernel's memory, for the kernel's own structures and for columns that TypeScript owns. */

/** Tells TypeScript that the memory has grown, so that its views of it are void. */
// @ts-ignore: decorator
@external('host', 'grew')
declare function grew(): void;

/** Throws an error for a region of so many bytes that the memory has no room for. */
// @ts-ignore: decorator
@external('host', 'full')
declare function full(bytes: u32): void;

/** Bytes of all regions, and how many there may be: a memory has 4 GiB, and some of them lie between regions. */
let used: usize = 0;
let most: usize = 3750 << 20;

export function usedBytes(): usize {
  return used;
}

export function limitBytes(bytes: usize): void {
  most = bytes;
}

/** Bytes of a region, rounded up as the allocator does. Its header is the word before it, with two flags. */
function sizeOf(region: usize): usize {
  return <usize>load<u32>(region - 4) & ~3;
}

/** A region of `bytes` bytes. All regions come from here. */
function take(bytes: usize): usize {
  if (used + bytes > most || used + bytes < used) full(<u32>bytes);
  const pages = memory.size();
  const region = heap.alloc(bytes);
  used += sizeOf(region);
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
  if (region == 0) return;
  used -= sizeOf(region);
  heap.free(region);
}

/** Moves a region to one of `bytes` bytes, with zeros behind the `kept` bytes that move. */
export function grow(region: usize, kept: usize, bytes: usize): usize {
  const larger = take(bytes);
  if (kept > 0) memory.copy(larger, region, kept);
  memory.fill(larger + kept, 0, bytes - kept);
  release(region);
  return larger;
}

/** Adds a value to the double at an address. */
// @ts-ignore: decorator
@inline
export function add(at: usize, value: f64): void {
  store<f64>(at, load<f64>(at) + value);
}
