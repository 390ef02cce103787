/**
 * Neighbours: what users with a similar history took next.
 *
 * Sequence neighbours. An event adds a posting (its user and place) to its item's row (postings.ts). A list reads the
 * user's newest items h_a and the newest postings of each. The first posting of another user v sets v's anchor and adds
 * `.85^a n^-.3` to v's similarity. Each later one adds the same over `1 + |q - q_v + a - a_v| / 5`, so that the same
 * items in the same order count most. The most similar users vote for what followed their anchor. The gain is on dense
 * logs.
 *
 * User kNN. The same pass finds the users that share the most of the history in any order: `sum .95^a n^-.5` over the
 * root of the length of their own history. They vote for all of their newest items, in three ways: evenly, more for
 * later items, and more for items near their anchor. The explanation of both says that users with a similar history
 * took the item. It never names those users.
 */

import { wholePower } from '../primitives/math.ts';
import { TopK } from '../primitives/top-k.ts';
import type { Histories } from '../state/histories.ts';
import { PLACES, type Postings } from '../state/postings.ts';
import type { Profile } from '../state/profile.ts';
import type { Statistics } from '../state/statistics.ts';
import type { Damping } from './damping.ts';
import { FEATURE } from './names.ts';

export interface NeighbourConfig {
  /** Newest events of the history whose neighbours the search reads, at most as many as a list reads back. */
  neighbourReach: number;
  /** Newest postings of an item that a list reads. This bounds the work for an item that everybody took. */
  neighbourPostings: number;
  /** Most similar users that vote by sequence. */
  neighbourVoters: number;
  /** Most similar users that vote by user kNN. */
  userKnnVoters: number;
  /** Newest items that each of those votes for. */
  userKnnItems: number;
}

export const NEIGHBOUR_DEFAULTS: NeighbourConfig = {
  neighbourReach: 30,
  neighbourPostings: 200,
  neighbourVoters: 300,
  userKnnVoters: 100,
  userKnnItems: 100,
};

/** Ways to count votes: the columns of an item in {@link Neighbours.sums}. */
export const NEIGHBOUR_CHANNELS = [
  FEATURE.neighbours,
  FEATURE.neighboursClose,
  FEATURE.neighboursNext,
  FEATURE.userKnn,
  FEATURE.userKnnLate,
  FEATURE.userKnnNear,
] as const;
export const NEIGHBOUR_STRIDE = NEIGHBOUR_CHANNELS.length;
const BY_PLACES = 1 / PLACES;
const OVERLAP_FADE = 0.95;
/** A shorter history than this says no more about similarity than one of this length. */
const OVERLAP_LENGTH = 10;
const LATE_FADE = 0.97;
const NEAR_FADE = 0.9;
const SIMILAR_FADE = 0.85;
const SHIFT = 5;
/** Divisors of shifts, so that most shifts need no division of their own. */
const SHIFTS = Float64Array.from({ length: 256 }, (_, shift) => 1 + shift / SHIFT);
const AHEAD = 15;
const AHEAD_FADE = 0.7;
const FADES = Float64Array.from({ length: 128 }, (_, a) => wholePower(SIMILAR_FADE, a));
const OVERLAP_FADES = Float64Array.from({ length: 128 }, (_, a) => wholePower(OVERLAP_FADE, a));
/** Votes are whole numbers: voters have weights in 2^-20 and fades are in 2^-16. So their sum is exact in any order. */
const VOTE_UNIT = 2 ** 20;
const FADE_UNIT = 2 ** 16;
const wholeFades = (fade: number, length: number): Float64Array =>
  Float64Array.from({ length }, (_, a) => Math.round(FADE_UNIT * wholePower(fade, a)));
const LATE_FADES = wholeFades(LATE_FADE, 128);
const NEAR_FADES = wholeFades(NEAR_FADE, 128);
const AHEAD_FADES = wholeFades(AHEAD_FADE, AHEAD);
/** Factor from the sums of a channel to votes. */
export const NEIGHBOUR_UNIT = 1 / (VOTE_UNIT * FADE_UNIT);

export class Neighbours {
  /** Votes by item and channel over {@link NEIGHBOUR_UNIT}, valid for touched items. */
  sums = new Float64Array(64 * NEIGHBOUR_STRIDE);
  /** Items with votes, in no particular order. */
  touched = new Int32Array(64);
  count = 0;
  #stamps = new Int32Array(64);
  #userStamps = new Int32Array(64);
  #similar = new Float64Array(64);
  #overlap = new Float64Array(64);
  #anchors = new Int32Array(64);
  #shifts = new Int32Array(64);
  #users = new Int32Array(64);
  #stamp = 0;
  #config: NeighbourConfig;
  #ids: readonly string[];
  readonly #voters: TopK;

  /** @param ids ids of users by number */
  constructor(config: NeighbourConfig, ids: readonly string[]) {
    this.#config = {
      ...config,
      neighbourReach: Math.min(config.neighbourReach, FADES.length),
      userKnnItems: Math.min(config.userKnnItems, LATE_FADES.length),
    };
    this.#ids = ids;
    this.#voters = new TopK(0, ids);
  }

  isTouched(item: number): boolean {
    return this.#stamps[item] === this.#stamp;
  }

  #reserve(items: number): void {
    if (items > this.touched.length) {
      const size = Math.max(items, this.touched.length * 2);
      this.sums = new Float64Array(size * NEIGHBOUR_STRIDE);
      this.touched = new Int32Array(size);
      this.#stamps = new Int32Array(size);
    }
    const users = this.#ids.length;
    if (users > this.#users.length) {
      const size = Math.max(users, this.#users.length * 2);
      this.#userStamps = new Int32Array(size);
      this.#similar = new Float64Array(size);
      this.#overlap = new Float64Array(size);
      this.#anchors = new Int32Array(size);
      this.#shifts = new Int32Array(size);
      this.#users = new Int32Array(size);
    }
    this.#stamp++;
    if (this.#stamp === 2 ** 31 - 1) {
      this.#stamps.fill(0);
      this.#userStamps.fill(0);
      this.#stamp = 1;
    }
  }

  /**
   * Finds users like this history's and counts their votes. A user's similarity adds up in the order of the history,
   * back from its newest item. Among equally similar users the ids decide which ones vote.
   *
   * @param target number of the user whose history it is, -1 for none; no user is their own neighbour
   */
  gather(
    profile: Profile,
    target: number,
    items: number,
    postings: Postings,
    histories: Histories,
    statistics: Statistics,
    damping: Damping,
    overlapDamping: Damping,
  ): void {
    this.#reserve(items);
    this.count = 0;
    const { neighbourReach, neighbourPostings, neighbourVoters } = this.#config;
    const stamp = this.#stamp;
    const stamps = this.#userStamps;
    const similar = this.#similar;
    const overlap = this.#overlap;
    const anchors = this.#anchors;
    const shifts = this.#shifts;
    const users = this.#users;
    let found = 0;
    for (let place = 0; place < profile.items.length; place++) {
      const a = profile.lags[place]![0]!;
      if (a >= neighbourReach) break;
      const item = profile.items[place]!;
      const row = postings.row(item);
      if (row === undefined) continue;
      const weight = FADES[a]! * damping.of(item, statistics);
      const overlapWeight = OVERLAP_FADES[a]! * overlapDamping.of(item, statistics);
      const count = postings.count(item);
      const end = Math.max(0, count - neighbourPostings) * 2;
      for (let at = count * 2 - 1; at > end; at -= 2) {
        const packed = row[at]!;
        // PLACES is a power of two, so the product is what a division gives.
        const user = Math.floor(packed * BY_PLACES);
        const q = packed - user * PLACES;
        if (stamps[user] !== stamp) {
          if (user === target) continue;
          stamps[user] = stamp;
          users[found++] = user;
          similar[user] = weight;
          overlap[user] = overlapWeight;
          anchors[user] = q;
          shifts[user] = q + a;
        } else {
          const shift = Math.abs(q + a - shifts[user]!);
          similar[user] = similar[user]! + weight / (shift < SHIFTS.length ? SHIFTS[shift]! : 1 + shift / SHIFT);
          overlap[user] = overlap[user]! + overlapWeight;
        }
      }
    }
    const voters = this.#voters.reset(neighbourVoters);
    for (let i = 0; i < found; i++) {
      const user = users[i]!;
      const score = similar[user]!;
      // A user who took nothing after the anchor has no vote.
      if (anchors[user]! + 1 < histories.length(user) && voters.admits(score)) voters.offer(user, score);
    }
    const most = voters.bestScore;
    for (let i = 0; i < voters.count; i++) this.#vote(voters.items[i]!, voters.scores[i]! / most, histories);
    this.#voteByOverlap(found, histories);
  }

  #voteByOverlap(found: number, histories: Histories): void {
    const voters = this.#voters.reset(this.#config.userKnnVoters);
    for (let i = 0; i < found; i++) {
      const user = this.#users[i]!;
      const score = this.#overlap[user]! / Math.sqrt(Math.max(OVERLAP_LENGTH, histories.length(user)));
      if (voters.admits(score)) voters.offer(user, score);
    }
    const most = voters.bestScore;
    const { sums } = this;
    for (let i = 0; i < voters.count; i++) {
      const user = voters.items[i]!;
      const share = voters.scores[i]! / most;
      const weight = Math.round(VOTE_UNIT * share * share);
      const start = histories.start(user);
      const end = start + histories.length(user);
      const anchor = start + this.#anchors[user]!;
      for (let at = Math.max(start, end - this.#config.userKnnItems); at < end; at++) {
        const to = this.#touch(histories.items[at]!);
        sums[to + 3] = sums[to + 3]! + weight * FADE_UNIT;
        sums[to + 4] = sums[to + 4]! + weight * LATE_FADES[end - 1 - at]!;
        const off = Math.abs(at - anchor);
        if (off < NEAR_FADES.length) sums[to + 5] = sums[to + 5]! + weight * NEAR_FADES[off]!;
      }
    }
  }

  /** Where an item's sums begin; they are 0 for an item without votes. */
  #touch(item: number): number {
    const at = item * NEIGHBOUR_STRIDE;
    if (this.#stamps[item] !== this.#stamp) {
      this.#stamps[item] = this.#stamp;
      this.touched[this.count++] = item;
      // A loop: for so few values a fill costs mostly the call.
      const { sums } = this;
      for (let k = 0; k < NEIGHBOUR_STRIDE; k++) sums[at + k] = 0;
    }
    return at;
  }

  #vote(user: number, similar: number, histories: Histories): void {
    const { sums } = this;
    const square = Math.round(VOTE_UNIT * similar * similar);
    const cube = Math.round(VOTE_UNIT * similar * similar * similar);
    const close = Math.round(VOTE_UNIT * similar * similar * similar * similar * similar);
    const first = this.#anchors[user]! + 1;
    const start = histories.start(user);
    const end = Math.min(histories.length(user), first + AHEAD);
    for (let place = first; place < end; place++) {
      const item = histories.items[start + place]!;
      const fade = AHEAD_FADES[place - first]!;
      const at = this.#touch(item);
      sums[at] = sums[at]! + square * fade;
      sums[at + 1] = sums[at + 1]! + close * fade;
      if (place === first) sums[at + 2] = sums[at + 2]! + cube * FADE_UNIT;
    }
  }
}
