/**
 * Sparse rows of three counts each (state/sparse-rows.ts describes what they hold, state/row-slots.ts a slot). A row is
 * an open-addressing table of two-word slots in a region of its own; its header says where.
 */
import { alloc, grow, release } from './memory';

const GOLDEN: u32 = 0x9e3779b1;
const MAX_LOAD: f64 = 0.8;
const SMALLEST: i32 = 4;
export const CO_BITS: u32 = 10;
const CO_MASK: u32 = 1023;
const WIDE: u32 = CO_MASK;
/** Rows with more slots than this have a prefix. */
const LONG_ROW: i32 = 512;
const PREFIX_MOST: i32 = 256;
const PREFIX_LEAST: i32 = 32;
const PREFIX_STEPS: i32 = 128;
/** Step of a prefix that is not known. */
const UNKNOWN: i32 = -1;

/** The header of a row. */
@unmanaged
class Row {
  table: usize;
  capacity: i32;
  used: i32;
  /** Copies of the slots of the prefix's entries, then the places of their keys (placeOf). */
  prefix: usize;
  /** See state/row-prefix.ts; UNKNOWN: to be computed. */
  step: i32;
  count: i32;
  live: i32;
  unused: i32;
}

const HEADER: usize = offsetof<Row>();

@unmanaged
export class Rows {
  headers: usize;
  rows: i32;
  wide: usize;
  wideCapacity: i32;
  wideEnd: i32;
  free: usize;
  freeCapacity: i32;
  freeCount: i32;
  /** What {@link prefetch} read; kept so that no reads are removed. */
  sink: u32;

  // @ts-ignore: decorator
  @inline
  row(row: i32): Row {
    return changetype<Row>(this.headers + <usize>row * HEADER);
  }

  /** Makes room for the headers of rows numbered below `rows`. */
  reserve(rows: i32): void {
    if (rows <= this.rows) return;
    const size = max(rows, this.rows * 2, 16);
    this.headers = grow(this.headers, <usize>this.rows * HEADER, <usize>size * HEADER);
    for (let row = this.rows; row < size; row++) this.row(row).step = UNKNOWN;
    this.rows = size;
  }

  allocateWide(): i32 {
    if (this.freeCount > 0) return load<i32>(this.free + (<usize>--this.freeCount << 2));
    if (this.wideEnd == this.wideCapacity) {
      const capacity = max(16, this.wideCapacity + (this.wideCapacity >> 1));
      this.wide = grow(this.wide, <usize>this.wideCapacity * 24, <usize>capacity * 24);
      this.wideCapacity = capacity;
    }
    return this.wideEnd++;
  }

  freeWide(index: i32): void {
    if (this.freeCount == this.freeCapacity) {
      const capacity = max(16, this.freeCapacity * 2);
      this.free = grow(this.free, <usize>this.freeCapacity * 4, <usize>capacity * 4);
      this.freeCapacity = capacity;
    }
    store<i32>(this.free + (<usize>(this.freeCount++) << 2), index);
  }
}

function max(a: i32, b: i32, c: i32 = 0): i32 {
  const most = a > b ? a : b;
  return most > c ? most : c;
}

// @ts-ignore: decorator
@inline
export function firstSlot(key: u32, capacity: i32): i32 {
  return <i32>((<u64>(key * GOLDEN) * <u64>capacity) >> 32);
}

/** Step of a count: four to each power of two; 0 for none. */
function stepOf(co: f64): i32 {
  if (co < 4) return co > 0 ? <i32>co : 0;
  const whole = co < 1073741824 ? <u32>co : 1073741824;
  const exponent = 31 - <i32>clz(whole);
  return exponent * 4 - 4 + <i32>((whole >> (exponent - 2)) & 3);
}

/** Bytes of a prefix's copies; behind them are the places of keys, an open-addressing table of 16-bit words. */
const PREFIX_BYTES: usize = <usize>PREFIX_MOST << 3;
const PLACE_SLOTS: u32 = 512;
const PLACES_BYTES: usize = <usize>PLACE_SLOTS << 1;

/** Where the place of a key is in a prefix's table, or where it goes. A place is kept plus 1; 0 is free. */
function placeOf(row: Row, key: u32): usize {
  const places = row.prefix + PREFIX_BYTES;
  let slot = (key * GOLDEN) >> 23;
  let place = <i32>load<u16>(places + (<usize>slot << 1));
  while (place != 0 && load<u32>(row.prefix + (<usize>(place - 1) << 3)) >> CO_BITS != key) {
    slot = (slot + 1) & (PLACE_SLOTS - 1);
    place = <i32>load<u16>(places + (<usize>slot << 1));
  }
  return places + (<usize>slot << 1);
}

/** Adds the slot at an address to a prefix that has room. */
function enter(row: Row, at: usize): void {
  const slot = load<u64>(at);
  const place = placeOf(row, <u32>slot >> CO_BITS);
  store<u64>(row.prefix + (<usize>row.count << 3), slot);
  store<u16>(place, <u16>++row.count);
}

/**
 * Keeps a prefix true to its row after a slot changed, whose third count was `before`. An entry that grows can only
 * enter it.
 */
function follow(row: Row, at: usize, before: f64, after: f64): void {
  if (row.step == UNKNOWN) return;
  const from = stepOf(before);
  const to = stepOf(after);
  if (to < from) {
    row.step = UNKNOWN;
    return;
  }
  if (from == 0 && to > 0) row.live++;
  if (row.step == 0) {
    if (row.live > LONG_ROW) row.step = UNKNOWN;
    return;
  }
  if (to < row.step) return;
  if (from >= row.step) {
    const place = <i32>load<u16>(placeOf(row, load<u32>(at) >> CO_BITS));
    store<u64>(row.prefix + (<usize>(place - 1) << 3), load<u64>(at));
  } else if (row.count == PREFIX_MOST) row.step = UNKNOWN;
  else enter(row, at);
}

const reached: usize = alloc(<usize>PREFIX_STEPS * 4);

function makePrefix(rows: Rows, row: Row): void {
  memory.fill(reached, 0, <usize>PREFIX_STEPS * 4);
  const end = row.table + (<usize>row.capacity << 3);
  let live = 0;
  for (let at = row.table; at < end; at += 8) {
    if (load<u32>(at) == 0) continue;
    const step = stepOf(togetherOf(rows, load<u64>(at)));
    if (step == 0) continue;
    live++;
    const to = reached + (<usize>step << 2);
    store<i32>(to, load<i32>(to) + 1);
  }
  row.live = live;
  row.step = 0;
  row.count = 0;
  if (live <= LONG_ROW) return;
  let count = 0;
  let step = PREFIX_STEPS;
  while (step > 1 && count + load<i32>(reached + (<usize>(step - 1) << 2)) <= PREFIX_MOST)
    count += load<i32>(reached + (<usize>--step << 2));
  if (count < PREFIX_LEAST) return;
  row.step = step;
  if (row.prefix == 0) row.prefix = alloc(PREFIX_BYTES + PLACES_BYTES);
  else memory.fill(row.prefix + PREFIX_BYTES, 0, PLACES_BYTES);
  for (let at = row.table; at < end; at += 8)
    if (load<u32>(at) != 0 && stepOf(togetherOf(rows, load<u64>(at))) >= step) enter(row, at);
}

export function newRows(): Rows {
  return changetype<Rows>(alloc(offsetof<Rows>()));
}

/** Adds to the counts of a slot whose words begin at `at`. */
function increase(rows: Rows, at: usize, df: f64, db: f64, dco: f64): void {
  const head = load<u32>(at);
  const co = head & CO_MASK;
  const counts = load<u32>(at, 4);
  if (co == WIDE) {
    const wide = rows.wide + <usize>counts * 24;
    store<f64>(wide, load<f64>(wide) + df);
    store<f64>(wide, load<f64>(wide, 8) + db, 8);
    store<f64>(wide, load<f64>(wide, 16) + dco, 16);
    return;
  }
  const f = <f64>(counts >> 16) + df;
  const b = <f64>(counts & 0xffff) + db;
  const c = <f64>co + dco;
  if (f >= 0 && f <= 65535 && b >= 0 && b <= 65535 && c >= 0 && c < <f64>WIDE) {
    store<u32>(at, (head & ~CO_MASK) | <u32>c);
    store<u32>(at, (<u32>f << 16) | <u32>b, 4);
    return;
  }
  const index = rows.allocateWide();
  const wide = rows.wide + <usize>index * 24;
  store<f64>(wide, f);
  store<f64>(wide, b, 8);
  store<f64>(wide, c, 16);
  store<u32>(at, head | CO_MASK);
  store<i32>(at, index, 4);
}

/** Moves a row to a larger table and drops the entries that are zero by now. */
function growRow(rows: Rows, row: Row): void {
  const old = row.table;
  const end = old + (<usize>row.capacity << 3);
  let live = 0;
  for (let at = old; at < end; at += 8) {
    const head = load<u32>(at);
    if (head == 0) continue;
    const counts = load<u32>(at, 4);
    if ((head & CO_MASK) != WIDE) {
      if ((head & CO_MASK) == 0 && counts == 0) store<u32>(at, 0);
      else live++;
      continue;
    }
    const wide = rows.wide + <usize>counts * 24;
    if (load<f64>(wide) == 0 && load<f64>(wide, 8) == 0 && load<f64>(wide, 16) == 0) {
      rows.freeWide(<i32>counts);
      store<u32>(at, 0);
    } else live++;
  }
  const capacity = max(SMALLEST, <i32>Math.ceil((<f64>(live + 1) * 1.5) / MAX_LOAD));
  const table = alloc(<usize>capacity << 3);
  for (let at = old; at < end; at += 8) {
    const head = load<u32>(at);
    if (head == 0) continue;
    store<u64>(freeSlot(table, capacity, head >> CO_BITS), load<u64>(at));
  }
  release(old);
  row.table = table;
  row.capacity = capacity;
  row.used = live;
  row.step = UNKNOWN;
}

/** Where the first free slot for a key is; the table does not hold the key. */
function freeSlot(table: usize, capacity: i32, key: u32): usize {
  let slot = firstSlot(key, capacity);
  while (load<u32>(table + (<usize>slot << 3)) != 0) {
    slot++;
    if (slot == capacity) slot = 0;
  }
  return table + (<usize>slot << 3);
}

/** Adds integers to the three counts of (row, id). */
export function addCounts(rows: Rows, number: i32, id: i32, df: i32, db: i32, dco: i32): void {
  rows.reserve(number + 1);
  const row = rows.row(number);
  if (row.capacity == 0) {
    row.table = alloc(<usize>SMALLEST << 3);
    row.capacity = SMALLEST;
  }
  const key = <u32>id + 1;
  const capacity = row.capacity;
  const table = row.table;
  let slot = firstSlot(key, capacity);
  for (;;) {
    const at = table + (<usize>slot << 3);
    const head = load<u32>(at);
    if (head == 0) break;
    if (head >> CO_BITS == key) {
      const counts = load<u32>(at, 4);
      const co = head & CO_MASK;
      const f = <i32>(counts >> 16) + df;
      const b = <i32>(counts & 0xffff) + db;
      const c = <i32>co + dco;
      if (co != WIDE && <u32>f <= 0xffff && <u32>b <= 0xffff && <u32>c < WIDE) {
        store<u32>(at, head - co + <u32>c);
        store<u32>(at, (<u32>f << 16) | <u32>b, 4);
        if (capacity > LONG_ROW) follow(row, at, <f64>co, <f64>c);
      } else {
        const before = togetherOf(rows, load<u64>(at));
        increase(rows, at, <f64>df, <f64>db, <f64>dco);
        if (capacity > LONG_ROW) follow(row, at, before, before + <f64>dco);
      }
      return;
    }
    slot++;
    if (slot == capacity) slot = 0;
  }
  const at = open(rows, row, key, table + (<usize>slot << 3));
  increase(rows, at, <f64>df, <f64>db, <f64>dco);
  if (row.capacity > LONG_ROW) follow(row, at, 0, <f64>dco);
}

/** Opens a slot for a new key: at `at`, unless the table has to grow first. */
function open(rows: Rows, row: Row, key: u32, at: usize): usize {
  let slot = at;
  if (<f64>(row.used + 1) > <f64>row.capacity * MAX_LOAD) {
    growRow(rows, row);
    slot = freeSlot(row.table, row.capacity, key);
  }
  row.used++;
  store<u32>(slot, key << CO_BITS);
  store<u32>(slot, 0, 4);
  return slot;
}

/** The same as {@link addCounts} for counts of any size that a double holds. */
export function addLargeCounts(rows: Rows, number: i32, id: i32, df: f64, db: f64, dco: f64): void {
  addCounts(rows, number, id, 0, 0, 0);
  const row = rows.row(number);
  const at = find(row, <u32>id + 1);
  const before = togetherOf(rows, load<u64>(at));
  increase(rows, at, df, db, dco);
  if (row.capacity > LONG_ROW) follow(row, at, before, before + dco);
}

/** The slot of a key; 0 if the row does not hold it. */
function find(row: Row, key: u32): usize {
  const capacity = row.capacity;
  if (capacity == 0) return 0;
  let slot = firstSlot(key, capacity);
  let at = row.table + (<usize>slot << 3);
  while (load<u32>(at) >> CO_BITS != key) {
    if (load<u32>(at) == 0) return 0;
    slot++;
    if (slot == capacity) slot = 0;
    at = row.table + (<usize>slot << 3);
  }
  return at;
}

/**
 * Fills an empty row: `ids` are the ids with counts, each once, and f, b and co of an id are at `id * 24` of `counts`,
 * which the kernel sets back to 0.
 */
export function fillRow(rows: Rows, number: i32, ids: usize, count: i32, counts: usize): void {
  rows.reserve(number + 1);
  const row = rows.row(number);
  const capacity = max(SMALLEST, <i32>Math.ceil((<f64>count * 1.2) / MAX_LOAD));
  release(row.table);
  row.table = alloc(<usize>capacity << 3);
  row.capacity = capacity;
  row.used = count;
  row.step = UNKNOWN;
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    const at = freeSlot(row.table, capacity, <u32>id + 1);
    store<u32>(at, (<u32>id + 1) << CO_BITS);
    const from = counts + <usize>id * 24;
    increase(rows, at, load<f64>(from), load<f64>(from, 8), load<f64>(from, 16));
    store<f64>(from, 0);
    store<f64>(from, 0, 8);
    store<f64>(from, 0, 16);
  }
}

/** Writes the three counts of (row, id) to three doubles at `into`: zeros if the row does not hold the id. */
export function readCounts(rows: Rows, number: i32, id: i32, into: usize): void {
  const at = number < rows.rows ? find(rows.row(number), <u32>id + 1) : 0;
  const slot = at == 0 ? 0 : load<u64>(at);
  store<f64>(into, afterOf(rows, slot));
  store<f64>(into, beforeOf(rows, slot), 8);
  store<f64>(into, togetherOf(rows, slot), 16);
}

/** The counts of a slot: how often the other came after, came before, and both were within the window. */
// @ts-ignore: decorator
@inline
export function afterOf(rows: Rows, slot: u64): f64 {
  return isWide(slot) ? load<f64>(wideOf(rows, slot)) : <f64>(<u32>(slot >> 48));
}

// @ts-ignore: decorator
@inline
export function beforeOf(rows: Rows, slot: u64): f64 {
  return isWide(slot) ? load<f64>(wideOf(rows, slot), 8) : <f64>(<u32>(slot >> 32) & 0xffff);
}

// @ts-ignore: decorator
@inline
export function togetherOf(rows: Rows, slot: u64): f64 {
  return isWide(slot) ? load<f64>(wideOf(rows, slot), 16) : <f64>(<u32>slot & CO_MASK);
}

// @ts-ignore: decorator
@inline
function isWide(slot: u64): bool {
  return (<u32>slot & CO_MASK) == WIDE;
}

// @ts-ignore: decorator
@inline
function wideOf(rows: Rows, slot: u64): usize {
  return rows.wide + <usize>(slot >> 32) * 24;
}

/**
 * Reads the slots of many ids of one row, one every `stride` bytes. Most of them are in the prefix of a long row, which
 * a search has just read. The others are the first slots that can hold the keys: these reads do not depend on each
 * other, so the processor fetches them in parallel, and {@link settled} follows a collision.
 *
 * @param places by id: its place among the ids plus 1, or 0
 */
export function readSlots(
  rows: Rows,
  number: i32,
  ids: usize,
  count: i32,
  places: usize,
  into: usize,
  stride: usize,
): void {
  for (let i = 0; i < count; i++) store<u64>(into + <usize>i * stride, 0);
  if (number >= rows.rows) return;
  const row = rows.row(number);
  const capacity = row.capacity;
  if (capacity == 0) return;
  if (row.step > 0) {
    const end = row.prefix + (<usize>row.count << 3);
    for (let at = row.prefix; at < end; at += 8) {
      const slot = load<u64>(at);
      const place = load<i32>(places + (<usize>((<u32>slot >> CO_BITS) - 1) << 2));
      if (place != 0) store<u64>(into + <usize>(place - 1) * stride, slot);
    }
  }
  const table = row.table;
  for (let i = 0; i < count; i++) {
    const to = into + <usize>i * stride;
    if (load<u64>(to) != 0) continue;
    const key = load<u32>(ids + (<usize>i << 2)) + 1;
    store<u64>(to, load<u64>(table + (<usize>firstSlot(key, capacity) << 3)));
  }
}

/** The slot of an id, given the first slot that can hold it; 0 if the row does not. */
// @ts-ignore: decorator
@inline
export function settled(rows: Rows, number: i32, id: u32, first: u64): u64 {
  if (<u32>first == 0 || <u32>first >> CO_BITS == id + 1) return first;
  const at = find(rows.row(number), id + 1);
  return at == 0 ? 0 : load<u64>(at);
}

/** What one visit of a row reads: the whole row, or the copies of its prefix's entries. */
export let visitedTable: usize = 0;
export let visitedCount: i32 = 0;

/** Sets what a search reads of a row. */
export function visit(rows: Rows, number: i32): void {
  visitedCount = 0;
  if (number >= rows.rows) return;
  const row = rows.row(number);
  visitedTable = row.table;
  visitedCount = row.capacity;
  if (row.capacity <= LONG_ROW) return;
  if (row.step == UNKNOWN) makePrefix(rows, row);
  if (row.step == 0) return;
  visitedTable = row.prefix;
  visitedCount = row.count;
}

/** Makes the prefix of a long row if it is not known. Returns how many slots a search reads. */
export function visitRow(rows: Rows, number: i32): i32 {
  visit(rows, number);
  return visitedCount;
}

/** Reads the slots that the counting of an event will write, independently of each other (Statistics.count). */
export function prefetch(rows: Rows, item: i32, items: usize, count: i32): void {
  let seen: u32 = 0;
  const key = <u32>item + 1;
  const ownCapacity = item < rows.rows ? rows.row(item).capacity : 0;
  const own = ownCapacity > 0 ? rows.row(item).table : 0;
  for (let i = 0; i < count; i++) {
    const other = load<i32>(items + (<usize>i << 2));
    if (own != 0) seen ^= load<u32>(own + (<usize>firstSlot(<u32>other + 1, ownCapacity) << 3));
    if (other >= rows.rows) continue;
    const row = rows.row(other);
    if (row.capacity > 0) seen ^= load<u32>(row.table + (<usize>firstSlot(key, row.capacity) << 3));
  }
  rows.sink = seen;
}
