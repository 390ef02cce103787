/**
 * Sequence neighbours: what people with a similar stretch of history took next. The gain is on dense logs.
 *
 * An event adds a posting (its user and place) to its item's row (postings.ts). A reader goes through their newest
 * items h_a and the newest postings of each: the first that belongs to another user v sets v's anchor and adds
 * `.85^a n^-.3` to how similar v is; later ones add the same over `1 + |q - q_v + a - a_v| / 5`, so that the same
 * items in the same order count most. The most similar vote for what followed their anchor. Explained as what people
 * with a similar history took; who they are is never said.
 */
import type { Damping } from '../damping.ts';
import type { Histories } from '../histories.ts';
import { wholePower } from '../math.ts';
import { PLACES, type Postings } from '../postings.ts';
import type { Profile } from '../profile.ts';
import type { Statistics } from '../statistics.ts';
import { Top } from '../top.ts';

export interface NeighbourConfig {
  /** Newest events of the history that look for neighbours, as far as a list reads back at all. */
  neighbourReach: number;
  /** Newest postings of an item that are looked at: what bounds the work for an item that everybody took. */
  neighbourPostings: number;
  /** Most similar users that vote. */
  neighbourVoters: number;
}

export const NEIGHBOUR_DEFAULTS: NeighbourConfig = {
  neighbourReach: 30,
  neighbourPostings: 200,
  neighbourVoters: 300,
};

/** Ways of counting votes, and columns of an item in {@link Neighbours.sums}. */
export const NEIGHBOUR_CHANNELS = ['neighbours', 'neighbours-close', 'neighbours-next'] as const;
export const NEIGHBOUR_STRIDE = 3;
const SIMILAR_FADE = 0.85;
const SHIFT = 5;
const AHEAD = 15;
const AHEAD_FADE = 0.7;
const FADES = Float64Array.from({ length: 128 }, (_, a) => wholePower(SIMILAR_FADE, a));
const AHEAD_FADES = Float64Array.from({ length: AHEAD }, (_, g) => wholePower(AHEAD_FADE, g));

export class Neighbours {
  /** Votes by item and channel, valid for touched items. */
  sums = new Float64Array(64 * NEIGHBOUR_STRIDE);
  /** Items with votes, in no particular order. */
  touched = new Int32Array(64);
  count = 0;
  #stamps = new Int32Array(64);
  #userStamps = new Int32Array(64);
  #similar = new Float64Array(64);
  #anchors = new Int32Array(64);
  #shifts = new Int32Array(64);
  #users = new Int32Array(64);
  #stamp = 0;
  #config: NeighbourConfig;
  #ids: readonly string[];

  /** @param ids ids of users by number */
  constructor(config: NeighbourConfig, ids: readonly string[]) {
    this.#config = { ...config, neighbourReach: Math.min(config.neighbourReach, FADES.length) };
    this.#ids = ids;
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
   * Looks for users like this history's and counts their votes. Every sum is added up in an order that the log alone
   * decides: a user's touches as the history goes back, the voters from the most similar on, ties by their ids.
   *
   * @param reader number of the user whose history it is, -1 for none: nobody is their own neighbour
   */
  gather(
    profile: Profile,
    reader: number,
    items: number,
    postings: Postings,
    histories: Histories,
    statistics: Statistics,
    damping: Damping,
  ): void {
    this.#reserve(items);
    this.count = 0;
    const { neighbourReach, neighbourPostings, neighbourVoters } = this.#config;
    const stamp = this.#stamp;
    const stamps = this.#userStamps;
    const similar = this.#similar;
    const anchors = this.#anchors;
    const shifts = this.#shifts;
    const users = this.#users;
    let found = 0;
    for (let place = 0; place < profile.items.length; place++) {
      const a = profile.backs[place]![0]!;
      if (a >= neighbourReach) break;
      const item = profile.items[place]!;
      const row = postings.row(item);
      if (row === undefined) continue;
      const weight = FADES[a]! * damping.of(item, statistics);
      const count = postings.count(item);
      const end = Math.max(0, count - neighbourPostings) * 2;
      for (let at = count * 2 - 1; at > end; at -= 2) {
        const packed = row[at]!;
        const user = Math.floor(packed / PLACES);
        const q = packed - user * PLACES;
        if (stamps[user] !== stamp) {
          if (user === reader) continue;
          stamps[user] = stamp;
          users[found++] = user;
          similar[user] = weight;
          anchors[user] = q;
          shifts[user] = q + a;
        } else similar[user] = similar[user]! + weight / (1 + Math.abs(q + a - shifts[user]!) / SHIFT);
      }
    }
    const voters = new Top(neighbourVoters, this.#ids);
    for (let i = 0; i < found; i++) {
      const user = users[i]!;
      const score = similar[user]!;
      // Who took nothing since has no vote.
      if (anchors[user]! + 1 < histories.length(user) && voters.admits(score)) voters.offer(user, score);
    }
    const best = voters.sorted();
    const most = best[0]?.score ?? 1;
    for (const { item: user, score } of best) this.#vote(user, score / most, histories);
  }

  #vote(user: number, similar: number, histories: Histories): void {
    const { sums, touched } = this;
    const stamps = this.#stamps;
    const stamp = this.#stamp;
    const square = similar * similar;
    const close = square * square * similar;
    const first = this.#anchors[user]! + 1;
    const start = histories.start(user);
    const end = Math.min(histories.length(user), first + AHEAD);
    for (let place = first; place < end; place++) {
      const item = histories.items[start + place]!;
      const fade = AHEAD_FADES[place - first]!;
      const at = item * NEIGHBOUR_STRIDE;
      if (stamps[item] !== stamp) {
        stamps[item] = stamp;
        touched[this.count++] = item;
        sums[at] = 0;
        sums[at + 1] = 0;
        sums[at + 2] = 0;
      }
      sums[at] = sums[at]! + square * fade;
      sums[at + 1] = sums[at + 1]! + close * fade;
      if (place === first) sums[at + 2] = sums[at + 2]! + square * similar;
    }
  }
}
