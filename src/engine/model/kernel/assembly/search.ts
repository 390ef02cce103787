/**
 * The search for a list's candidates by pairs and by neighbours. The columns that it reads belong to TypeScript, which
 * sets their places before each search, as a column that grows moves.
 */
import { add, alloc, grow, release } from './memory';
import { exp, ln } from './math';
import { afterOf, beforeOf, CO_BITS, Rows, togetherOf, visit, visitedCount, visitedTable } from './rows';
import { chooseBest, IdPrefixes, newTop, Top } from './top';

/** Whether the caller lets an item into the list; asked only if the list has a filter. */
// @ts-ignore: decorator
@external('host', 'allows')
declare function allows(item: i32): bool;

const PUBLISHED: u8 = 1;
const WITHDRAWN: u8 = 2;
/** Bytes of an item's votes: three channels, then the stamp of the list that they belong to. */
export const VOTE_BYTES: usize = 32;
const VOTE_STAMP: usize = 24;
/** Bytes of a user's record while neighbours are found: similarity, overlap, stamp, anchor, shift. */
const USER_BYTES: usize = 32;
const SHIFT: f64 = 5;
const SHIFTS_LENGTH: i32 = 256;
const AHEAD: i32 = 15;
const OVERLAP_LENGTH: i32 = 10;
const VOTE_UNIT: f64 = 1048576;
const FADE_UNIT: f64 = 65536;
const FADES_LENGTH: i32 = 128;
const PLACE_BITS: u64 = 22;
/** Factor from sums of votes to votes. */
export const VOTES: f64 = 1.0 / (1048576.0 * 65536.0);

function fades(fade: f64, length: i32, unit: f64): usize {
  const table = alloc(<usize>length << 3);
  for (let a = 0; a < length; a++) {
    let value: f64 = 1;
    for (let i = 0; i < a; i++) value *= fade;
    store<f64>(table + (<usize>a << 3), unit == 1 ? value : Math.floor(unit * value + 0.5));
  }
  return table;
}

function shifts(): usize {
  const table = alloc(<usize>SHIFTS_LENGTH << 3);
  for (let shift = 0; shift < SHIFTS_LENGTH; shift++) store<f64>(table + (<usize>shift << 3), 1 + <f64>shift / SHIFT);
  return table;
}

/** Divisors of shifts, so that most shifts need no division of their own. */
const SHIFTS: usize = shifts();
const SIMILAR_FADES: usize = fades(0.85, FADES_LENGTH, 1);
const OVERLAP_FADES: usize = fades(0.95, FADES_LENGTH, 1);
const LATE_FADES: usize = fades(0.97, FADES_LENGTH, FADE_UNIT);
const NEAR_FADES: usize = fades(0.9, FADES_LENGTH, FADE_UNIT);
const AHEAD_FADES: usize = fades(0.7, AHEAD, FADE_UNIT);

/** n^-exponent of items, kept while an item's total stays the same. */
@unmanaged
export class Damping {
  exponent: f64;
  /** By item: total and value. */
  values: usize;
  capacity: i32;

  reserve(count: i32): void {
    if (count <= this.capacity) return;
    const capacity = max(count, this.capacity * 2);
    this.values = grow(this.values, <usize>this.capacity << 4, <usize>capacity << 4);
    for (let item = this.capacity; item < capacity; item++) store<f64>(this.values + (<usize>item << 4), -1);
    this.capacity = capacity;
  }

  // @ts-ignore: decorator
  @inline
  of(item: i32, total: f64): f64 {
    if (item < this.capacity) {
      const at = this.values + (<usize>item << 4);
      if (load<f64>(at) == total) return load<f64>(at, 8);
    }
    return this.compute(item, total);
  }

  private compute(item: i32, total: f64): f64 {
    this.reserve(item + 1);
    const at = this.values + (<usize>item << 4);
    const n = total / 16;
    const value = exp(-this.exponent * ln(n > 1 ? n : 1));
    store<f64>(at, total);
    store<f64>(at, value, 8);
    return value;
  }
}

export function newDamping(exponent: f64): Damping {
  const damping = changetype<Damping>(alloc(offsetof<Damping>()));
  damping.exponent = exponent;
  return damping;
}

export function dampingOf(damping: Damping, item: i32, total: f64): f64 {
  return damping.of(item, total);
}

@unmanaged
export class Search {
  /** Pairs of items. */
  pairs: usize;
  /** By item: weight of all its events. */
  totals: usize;
  /** By item: whether it is published and whether it is withdrawn. */
  status: usize;
  /** Numbers of items and of users are below these. */
  items: i32;
  users: i32;
  /** Whether items that were never published may be in a list; whether the list has a filter. */
  unpublished: i32;
  filtered: i32;
  /** By item: the stamp of the last list that may not hold it. */
  blocked: usize;
  blockedStamp: i32;
  /** Sums of {@link gatherPairs} by item, two doubles each; the items with sums. */
  found: usize;
  touched: usize;
  count: i32;
  capacity: i32;
  /** Votes of neighbours by item and channel, valid for items of this stamp; the items with votes. */
  votes: usize;
  voted: usize;
  votedCount: i32;
  stamp: i32;
  /** Scratch by user. */
  userRecords: usize;
  userCapacity: i32;
  foundUsers: usize;
  userScores: usize;
  userScratch: usize;
  userChoices: usize;
  usersFound: i32;
  /** Postings: by item the row and how many it has. Histories: items of all users, by user where hers begin. */
  postingRows: usize;
  postingCounts: usize;
  postingItems: i32;
  historyItems: usize;
  historyStarts: usize;
  historyLengths: usize;
  historyUsers: i32;
  /** Scratch for features.ts: what each item of a history says of one candidate. */
  parts: usize;
  partCapacity: i32;
  /** Scratch by item: its row among the candidates plus 1, or 0. */
  places: usize;
  /** Sums of content by item; the items with sums. */
  content: usize;
  contentTouched: usize;
  contentCount: i32;
  transition: usize;
  coOccurrence: usize;
  first: usize;
  second: usize;
  voters: usize;
  /** Users with the lowest score among the voters. */
  tied: usize;

  reserve(): void {
    const items = this.items;
    if (items > this.capacity) {
      const size = max(items, this.capacity * 2);
      release(this.found);
      release(this.touched);
      release(this.votes);
      release(this.voted);
      this.found = alloc(<usize>size << 4);
      this.touched = alloc(<usize>(size + 1) << 2);
      this.votes = alloc(<usize>size * VOTE_BYTES);
      this.voted = alloc(<usize>size << 2);
      release(this.places);
      this.places = alloc(<usize>size << 2);
      release(this.content);
      release(this.contentTouched);
      this.content = alloc(<usize>size << 3);
      this.contentTouched = alloc(<usize>(size + 1) << 2);
      this.contentCount = 0;
      this.blocked = grow(this.blocked, <usize>this.capacity << 2, <usize>size << 2);
      this.capacity = size;
      this.count = 0;
    }
    if (this.users > this.userCapacity) {
      const size = max(this.users, this.userCapacity * 2);
      release(this.userRecords);
      release(this.foundUsers);
      release(this.userScores);
      release(this.userScratch);
      release(this.userChoices);
      this.userScores = alloc(<usize>size << 3);
      this.userScratch = alloc(<usize>size << 3);
      this.userChoices = alloc(<usize>size << 2);
      this.userRecords = alloc(<usize>size * USER_BYTES);
      this.foundUsers = alloc(<usize>size << 2);
      this.userCapacity = size;
    }
  }

  /** Whether the list may hold an item. */
  free(item: i32): bool {
    if (load<i32>(this.blocked + (<usize>item << 2)) == this.blockedStamp) return false;
    const status = load<u8>(this.status + <usize>item);
    if (this.unpublished ? (status & WITHDRAWN) != 0 : status != PUBLISHED) return false;
    if ((status & PUBLISHED) == 0 && load<f64>(this.totals + (<usize>item << 3)) <= 0) return false;
    return !this.filtered || allows(item);
  }

  // @ts-ignore: decorator
  @inline
  damp(damping: usize, item: i32): f64 {
    return changetype<Damping>(damping).of(item, load<f64>(this.totals + (<usize>item << 3)));
  }

  isVoted(item: i32): bool {
    return load<i32>(this.votes + <usize>item * VOTE_BYTES + VOTE_STAMP) == this.stamp;
  }
}

export function newSearch(
  pairs: Rows,
  items: IdPrefixes,
  users: IdPrefixes,
  transition: Damping,
  coOccurrence: Damping,
): Search {
  const search = changetype<Search>(alloc(offsetof<Search>()));
  search.pairs = changetype<usize>(pairs);
  search.first = changetype<usize>(newTop(items));
  search.second = changetype<usize>(newTop(items));
  search.voters = changetype<usize>(newTop(users));
  search.tied = changetype<usize>(newTop(users));
  search.transition = changetype<usize>(transition);
  search.coOccurrence = changetype<usize>(coOccurrence);
  return search;
}

/** Says where the columns are that belong to TypeScript; those that grow move. */
export function placeColumns(
  search: Search,
  totals: usize,
  status: usize,
  postingRows: usize,
  postingCounts: usize,
  postingItems: i32,
  historyItems: usize,
  historyStarts: usize,
  historyLengths: usize,
  historyUsers: i32,
): void {
  search.totals = totals;
  search.status = status;
  search.postingRows = postingRows;
  search.postingCounts = postingCounts;
  search.postingItems = postingItems;
  search.historyItems = historyItems;
  search.historyStarts = historyStarts;
  search.historyLengths = historyLengths;
  search.historyUsers = historyUsers;
}

/**
 * Starts a list: makes room, and forgets the sums, the votes and the blocked items of the last one.
 *
 * @param items all numbers of items are below this, all numbers of users below `users`
 * @param unpublished whether items that were never published may be in the list
 * @param filtered whether the caller has a filter
 */
export function beginSearch(search: Search, items: i32, users: i32, unpublished: bool, filtered: bool): void {
  search.items = items;
  search.users = users;
  search.unpublished = <i32>unpublished;
  search.filtered = <i32>filtered;
  for (let i = 0; i < search.count; i++) {
    const at = search.found + (<usize>load<i32>(search.touched + (<usize>i << 2)) << 4);
    store<f64>(at, 0);
    store<f64>(at, 0, 8);
  }
  for (let i = 0; i < search.contentCount; i++)
    store<f64>(search.content + (<usize>load<i32>(search.contentTouched + (<usize>i << 2)) << 3), 0);
  search.count = 0;
  search.votedCount = 0;
  search.usersFound = 0;
  search.contentCount = 0;
  search.reserve();
  if (++search.blockedStamp == i32.MAX_VALUE) {
    memory.fill(search.blocked, 0, <usize>search.capacity << 2);
    search.blockedStamp = 1;
  }
  if (++search.stamp == i32.MAX_VALUE) {
    memory.fill(search.votes, 0, <usize>search.capacity * VOTE_BYTES);
    memory.fill(search.userRecords, 0, <usize>search.userCapacity * USER_BYTES);
    search.stamp = 1;
  }
}

/** Keeps the items of a column out of the list. */
export function blockAll(search: Search, items: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const item = load<i32>(items + (<usize>i << 2));
    store<i32>(search.blocked + (<usize>item << 2), search.blockedStamp);
  }
}

/** How many items {@link gatherPairs} found. */
export function foundCount(search: Search): i32 {
  return search.count;
}

/** The items in the first or the second heap. */
export function topItems(search: Search, second: bool): usize {
  return changetype<Top>(second ? search.second : search.first).items;
}

export function topCount(search: Search, second: bool): i32 {
  return changetype<Top>(second ? search.second : search.first).count;
}

/** Whether the list may hold an item; for what TypeScript finds. */
export function isFree(search: Search, item: i32): bool {
  return search.free(item);
}

/** Adds up the row of one item of the history. */
export function gatherPairs(search: Search, item: i32, after: f64, before: f64, together: f64): void {
  const pairs = changetype<Rows>(search.pairs);
  visit(pairs, item);
  const end = visitedCount;
  const slots = visitedTable;
  const found = search.found;
  const touched = search.touched;
  let count = search.count;
  for (let i = 0; i < end; i++) {
    const at = slots + (<usize>i << 3);
    const slot = load<u64>(at);
    const co = togetherOf(pairs, slot);
    if (co == 0) continue;
    const other = (<u32>slot >> CO_BITS) - 1;
    const to = found + (<usize>other << 4);
    const known = load<f64>(to, 8);
    store<u32>(touched + (<usize>count << 2), other);
    count += known == 0 ? 1 : 0;
    store<f64>(to, load<f64>(to) + after * afterOf(pairs, slot) + before * beforeOf(pairs, slot));
    store<f64>(to, known + together * co, 8);
  }
  search.count = count;
}

/** Chooses the best items by transitions and by co-occurrences, into the first and the second heap. */
export function choosePairs(search: Search, transitions: i32, coOccurrences: i32): void {
  const first = changetype<Top>(search.first);
  const second = changetype<Top>(search.second);
  first.reset(transitions);
  second.reset(coOccurrences);
  for (let i = 0; i < search.count; i++) {
    const item = load<i32>(search.touched + (<usize>i << 2));
    const at = search.found + (<usize>item << 4);
    // No damping is above 1, so an item that falls short without it needs no further work; most items do.
    const base = load<f64>(at);
    if (first.admits(base)) {
      const score = base * search.damp(search.transition, item);
      if (first.admits(score) && search.free(item)) first.offer(item, score);
    }
    const together = load<f64>(at, 8);
    if (second.admits(together)) {
      const score = together * search.damp(search.coOccurrence, item);
      if (second.admits(score) && search.free(item)) second.offer(item, score);
    }
  }
}

/** Where an item's votes begin; they are 0 for an item without votes. */
// @ts-ignore: decorator
@inline
function touch(search: Search, item: i32): usize {
  const at = search.votes + <usize>item * VOTE_BYTES;
  if (load<i32>(at, VOTE_STAMP) != search.stamp) {
    store<i32>(at, search.stamp, VOTE_STAMP);
    store<i32>(search.voted + (<usize>(search.votedCount++) << 2), item);
    store<f64>(at, 0);
    store<f64>(at, 0, 8);
    store<f64>(at, 0, 16);
  }
  return at;
}

/** Adds two votes to two channels that lie side by side. */
// @ts-ignore: decorator
@inline
function addTwo(at: usize, first: f64, second: f64): void {
  if (ASC_FEATURE_SIMD) {
    v128.store(at, f64x2.add(v128.load(at), f64x2.replace_lane(f64x2.splat(first), 1, second)));
  } else {
    add(at, first);
    add(at + 8, second);
  }
}

/**
 * Finds users like this history's and counts their votes (signals/neighbours.ts).
 *
 * @param items distinct items of the history, newest first, `count` of them
 * @param lags the smallest lag of each
 * @param target number of the user whose history it is, -1 for none
 */
export function gatherNeighbours(
  search: Search,
  items: usize,
  lags: usize,
  count: i32,
  target: i32,
  reach: i32,
  most: i32,
  voterCount: i32,
): void {
  const records = search.userRecords;
  const users = search.foundUsers;
  const stamp = search.stamp;
  let found = 0;
  for (let place = 0; place < count; place++) {
    const a = load<i32>(lags + (<usize>place << 2));
    if (a >= reach) break;
    const item = load<i32>(items + (<usize>place << 2));
    if (item >= search.postingItems) continue;
    const row = <usize>load<u32>(search.postingRows + (<usize>item << 2));
    if (row == 0) continue;
    const weight = load<f64>(SIMILAR_FADES + (<usize>a << 3)) * search.damp(search.transition, item);
    const overlap = load<f64>(OVERLAP_FADES + (<usize>a << 3)) * search.damp(search.coOccurrence, item);
    const postings = load<i32>(search.postingCounts + (<usize>item << 2));
    const end = max(0, postings - most);
    for (let at = postings - 1; at >= end; at--) {
      // A whole number below 2^52 is the fraction of its sum with 2^52; a conversion takes longer.
      const packed = reinterpret<u64>(load<f64>(row + (<usize>at << 4), 8) + 4503599627370496) & 0x000fffffffffffff;
      const user = <i32>(packed >> PLACE_BITS);
      const q = <i32>(packed & ((1 << PLACE_BITS) - 1));
      const record = records + <usize>user * USER_BYTES;
      if (load<i32>(record, 16) != stamp) {
        if (user == target) continue;
        store<i32>(users + (<usize>(found++) << 2), user);
        store<f64>(record, weight);
        store<f64>(record, overlap, 8);
        store<i32>(record, stamp, 16);
        store<i32>(record, q, 20);
        store<i32>(record, q + a, 24);
      } else {
        const shift = abs(q + a - load<i32>(record, 24));
        add(record, weight / (shift < SHIFTS_LENGTH ? load<f64>(SHIFTS + (<usize>shift << 3)) : 1 + <f64>shift / SHIFT));
        add(record + 8, overlap);
      }
    }
  }
  // A user who took nothing after the anchor has no vote.
  const scores = search.userScores;
  const choices = search.userChoices;
  let able = 0;
  for (let i = 0; i < found; i++) {
    const user = load<i32>(users + (<usize>i << 2));
    const record = records + <usize>user * USER_BYTES;
    if (load<i32>(record, 20) + 1 >= lengthOf(search, user)) continue;
    store<i32>(choices + (<usize>able << 2), user);
    store<f64>(scores + (<usize>(able++) << 3), load<f64>(record));
  }
  const voters = changetype<Top>(search.voters);
  chooseBest(voters, changetype<Top>(search.tied), choices, scores, able, voterCount, search.userScratch);
  const best = voters.best();
  for (let i = 0; i < voters.count; i++) vote(search, voters.itemAt(i), voters.scoreAt(i) / best);
  search.usersFound = found;
}

// @ts-ignore: decorator
@inline
function lengthOf(search: Search, user: i32): i32 {
  return user < search.historyUsers ? load<i32>(search.historyLengths + (<usize>user << 2)) : 0;
}

// @ts-ignore: decorator
@inline
function historyOf(search: Search, user: i32): usize {
  return search.historyItems + (<usize>load<f64>(search.historyStarts + (<usize>user << 3)) << 2);
}

// @ts-ignore: decorator
@inline
function whole(value: f64): f64 {
  return Math.floor(value + 0.5);
}

function vote(search: Search, user: i32, similar: f64): void {
  const square = whole(VOTE_UNIT * similar * similar);
  const cube = whole(VOTE_UNIT * similar * similar * similar);
  const close = whole(VOTE_UNIT * similar * similar * similar * similar * similar);
  const first = load<i32>(search.userRecords + <usize>user * USER_BYTES, 20) + 1;
  const history = historyOf(search, user);
  const end = min(lengthOf(search, user), first + AHEAD);
  for (let place = first; place < end; place++) {
    const at = touch(search, load<i32>(history + (<usize>place << 2)));
    const fade = load<f64>(AHEAD_FADES + (<usize>(place - first) << 3));
    addTwo(at, square * fade, close * fade);
    if (place == first) add(at + 16, cube * FADE_UNIT);
  }
}

/**
 * Lets the users who share most of the history vote for the candidates, in three columns of the feature table. Votes for
 * other items would not be read.
 *
 * @param voterCount how many users vote; `most`: for how many of their newest items
 * @param column the first of the three columns
 */
export function addOverlapVotes(
  search: Search,
  candidates: usize,
  rows: i32,
  voterCount: i32,
  most: i32,
  table: usize,
  columns: i32,
  column: i32,
): void {
  const places = search.places;
  for (let row = 0; row < rows; row++)
    store<i32>(places + (<usize>load<i32>(candidates + (<usize>row << 2)) << 2), row + 1);
  const records = search.userRecords;
  const scores = search.userScores;
  for (let i = 0; i < search.usersFound; i++) {
    const user = load<i32>(search.foundUsers + (<usize>i << 2));
    const overlap = load<f64>(records + <usize>user * USER_BYTES, 8);
    store<f64>(scores + (<usize>i << 3), overlap / Math.sqrt(<f64>max(OVERLAP_LENGTH, lengthOf(search, user))));
  }
  const voters = changetype<Top>(search.voters);
  const tied = changetype<Top>(search.tied);
  chooseBest(voters, tied, search.foundUsers, scores, search.usersFound, voterCount, search.userScratch);
  const best = voters.best();
  const first = table + (<usize>column << 3);
  const rowBytes = <usize>columns << 3;
  for (let i = 0; i < voters.count; i++) {
    const user = voters.itemAt(i);
    const share = voters.scoreAt(i) / best;
    const weight = whole(VOTE_UNIT * share * share);
    const evenly = weight * FADE_UNIT;
    const history = historyOf(search, user);
    const end = lengthOf(search, user);
    const anchor = load<i32>(records + <usize>user * USER_BYTES, 20);
    for (let place = max(0, end - most); place < end; place++) {
      const row = load<i32>(places + (<usize>load<i32>(history + (<usize>place << 2)) << 2));
      if (row == 0) continue;
      const at = first + <usize>(row - 1) * rowBytes;
      addTwo(at, evenly, weight * load<f64>(LATE_FADES + (<usize>(end - 1 - place) << 3)));
      const off = abs(place - anchor);
      if (off < FADES_LENGTH) add(at + 16, weight * load<f64>(NEAR_FADES + (<usize>off << 3)));
    }
  }
  for (let row = 0; row < rows; row++) {
    store<i32>(places + (<usize>load<i32>(candidates + (<usize>row << 2)) << 2), 0);
    const at = first + <usize>row * rowBytes;
    for (let k: usize = 0; k < 24; k += 8) store<f64>(at + k, load<f64>(at + k) * VOTES);
  }
}

/** Chooses the items with most votes, into the first heap. */
export function chooseNeighbours(search: Search, size: i32): void {
  const first = changetype<Top>(search.first);
  first.reset(size);
  for (let i = 0; i < search.votedCount; i++) {
    const item = load<i32>(search.voted + (<usize>i << 2));
    const score = load<f64>(search.votes + <usize>item * VOTE_BYTES);
    if (score > 0 && first.admits(score) && search.free(item)) first.offer(item, score);
  }
}

/**
 * Adds a term of a content query to the sums of the items that have it.
 *
 * @param row words of items and weights (state/term-postings.ts), `count` of them
 */
export function gatherTerm(search: Search, row: usize, count: i32, weight: f64): void {
  const sums = search.content;
  const touched = search.contentTouched;
  let found = search.contentCount;
  for (let i = 0; i < count; i++) {
    const word = load<u32>(row + (<usize>i << 2));
    const item = word >> 10;
    const at = sums + (<usize>item << 3);
    const sum = load<f64>(at);
    store<u32>(touched + (<usize>found << 2), item);
    found += sum == 0 ? 1 : 0;
    store<f64>(at, sum + weight * <f64>(word & 1023));
  }
  search.contentCount = found;
}

/** Chooses the items of most similar content, into the first heap. */
export function chooseContent(search: Search, size: i32): void {
  const first = changetype<Top>(search.first);
  first.reset(size);
  for (let i = 0; i < search.contentCount; i++) {
    const item = load<i32>(search.contentTouched + (<usize>i << 2));
    const score = load<f64>(search.content + (<usize>item << 3));
    if (first.admits(score) && search.free(item)) first.offer(item, score);
  }
}

/**
 * Finds the first free items of a column with less than `total` events.
 *
 * @param into takes up to `most` numbers
 * @returns how many there are
 */
export function findFew(search: Search, items: usize, count: i32, total: f64, into: usize, most: i32): i32 {
  let found = 0;
  for (let i = 0; i < count && found < most; i++) {
    const item = load<i32>(items + (<usize>i << 2));
    if (load<f64>(search.totals + (<usize>item << 3)) >= total || !search.free(item)) continue;
    store<i32>(into + (<usize>(found++) << 2), item);
  }
  return found;
}

/** Chooses the best of a column of free items by a column of scores above 0, into the first heap. */
export function chooseScored(search: Search, items: usize, scores: usize, count: i32, size: i32): void {
  const first = changetype<Top>(search.first);
  first.reset(size);
  for (let i = 0; i < count; i++) {
    const score = load<f64>(scores + (<usize>i << 3));
    if (score > 0 && first.admits(score)) first.offer(load<i32>(items + (<usize>i << 2)), score);
  }
}

/** Whether an item whose sum is that of the lowest leader ranks no lower than it (state/popularity.ts). */
// @ts-ignore: decorator
@external('host', 'atFloor')
declare function atFloor(item: i32): bool;

// @ts-ignore: decorator
@inline
function popularity(search: Search, short: usize, long: usize, item: i32): f64 {
  const at = <usize>item << 3;
  return load<f64>(short + at) + load<f64>(long + at) + load<f64>(search.totals + at);
}

// @ts-ignore: decorator
@inline
function covers(floor: f64, item: i32, sum: f64): bool {
  return sum > floor || (sum == floor && sum > 0 && atFloor(item));
}

/**
 * Chooses the most popular items, into the first heap: the best of the leaders, and of all items if those are not
 * enough.
 *
 * @param leaders numbers, `count` of them
 * @param floor sum of the lowest rank that the leaders cover; 0 covers all
 */
export function choosePopular(
  search: Search,
  leaders: usize,
  count: i32,
  short: usize,
  long: usize,
  floor: f64,
  size: i32,
): void {
  const first = changetype<Top>(search.first);
  first.reset(size);
  for (let i = 0; i < count; i++) {
    const item = load<i32>(leaders + (<usize>i << 2));
    const sum = popularity(search, short, long, item);
    if (first.admits(sum) && covers(floor, item, sum) && search.free(item)) first.offer(item, sum);
  }
  if (floor == 0 || first.count == size) return;
  for (let item = 0; item < search.items; item++) {
    const sum = popularity(search, short, long, item);
    if (sum > 0 && first.admits(sum) && !covers(floor, item, sum) && search.free(item)) first.offer(item, sum);
  }
}

/**
 * Writes how popular the candidates are, and how lately users took them by the log's pace (signals/recency.ts).
 *
 * @param position newest position of the log at which a user took an item
 * @param popular the first of three columns, `recency` the first of four
 */
export function addItemValues(
  search: Search,
  candidates: usize,
  rows: i32,
  short: usize,
  long: usize,
  position: f64,
  table: usize,
  columns: i32,
  popular: i32,
  recency: i32,
): void {
  for (let row = 0; row < rows; row++) {
    const item = load<i32>(candidates + (<usize>row << 2));
    const by = <usize>item << 3;
    const values = table + (<usize>(row * columns) << 3);
    const at = values + (<usize>popular << 3);
    store<f64>(at, load<f64>(search.totals + by) / 16);
    store<f64>(at, load<f64>(short + by), 8);
    store<f64>(at, load<f64>(long + by), 16);
    const to = values + (<usize>recency << 3);
    const count = item < search.postingItems ? load<i32>(search.postingCounts + (<usize>item << 2)) : 0;
    if (count == 0) {
      // As if the item had been listed just now and nobody had ever taken it.
      store<f64>(to, position + 1);
      continue;
    }
    const postings = <usize>load<u32>(search.postingRows + (<usize>item << 2));
    store<f64>(to, since(position, postings, count - 1));
    store<f64>(to, since(position, postings, 0), 8);
    const few = min(count, NEWEST_SHORT);
    const many = min(count, NEWEST_LONG);
    store<f64>(to, <f64>few / (PACE_PRIOR + since(position, postings, count - few)), 16);
    store<f64>(to, <f64>many / (PACE_PRIOR + since(position, postings, count - many)), 24);
  }
}

/** Newest postings that the rates read, in short and in long. */
const NEWEST_SHORT: i32 = 4;
const NEWEST_LONG: i32 = 32;
/** Positions that are added, so that two events in a row are no trend. */
const PACE_PRIOR: f64 = 100;

// @ts-ignore: decorator
@inline
function since(position: f64, postings: usize, place: i32): f64 {
  const passed = position - load<f64>(postings + (<usize>place << 4));
  return passed > 0 ? passed : 0;
}
