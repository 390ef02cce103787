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

import type { Address, Column, Kernel } from '../kernel/kernel.ts';
import type { Profile } from '../state/profile.ts';
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

/** Ways to count votes. */
export const NEIGHBOUR_CHANNELS = [
  FEATURE.neighbours,
  FEATURE.neighboursClose,
  FEATURE.neighboursNext,
  FEATURE.userKnn,
  FEATURE.userKnnLate,
  FEATURE.userKnnNear,
] as const;
/** How many of the channels are votes by sequence. */
const BY_SEQUENCE = 3;
/** Events back that the kernel's tables reach. */
const TABLES_REACH = 128;

/**
 * Finds users like a history's and counts their votes (kernel/assembly/search.ts). Votes are whole numbers: voters have
 * weights in 2^-20 and fades are in 2^-16. So their sum is exact in any order.
 */
export class Neighbours {
  readonly #config: NeighbourConfig;
  readonly #kernel: Kernel;
  readonly #search: Address;

  /** @param search the kernel's search, which takes the votes */
  constructor(config: NeighbourConfig, kernel: Kernel, search: Address) {
    this.#config = {
      ...config,
      neighbourReach: Math.min(config.neighbourReach, TABLES_REACH),
      userKnnItems: Math.min(config.userKnnItems, TABLES_REACH),
    };
    this.#kernel = kernel;
    this.#search = search;
  }

  /**
   * A user's similarity adds up in the order of the history, back from its newest item. Among equally similar users the
   * ids decide which ones vote.
   *
   * @param items the profile's items, in the kernel
   * @param lags the smallest lag of each, in the kernel
   * @param target number of the user whose history it is, -1 for none; no user is their own neighbour
   */
  gather({ items: { length } }: Profile, items: Column<Int32Array>, lags: Column<Int32Array>, target: number): void {
    const { neighbourReach, neighbourPostings, neighbourVoters } = this.#config;
    this.#kernel.calls.gatherNeighbours(
      this.#search,
      items.address,
      lags.address,
      length,
      target,
      neighbourReach,
      neighbourPostings,
      neighbourVoters,
    );
  }

  /**
   * Writes the votes of the last {@link gather} for the candidates to the channels' columns of the feature table.
   *
   * @param candidates their numbers, `rows` of them
   * @param column the first of the channels' columns
   */
  addVotes(
    candidates: Column<Int32Array>,
    rows: number,
    table: Column<Float64Array>,
    { columns, column }: { columns: number; column: number },
  ): void {
    const { calls } = this.#kernel;
    const { userKnnVoters, userKnnItems } = this.#config;
    const first = column + BY_SEQUENCE;
    calls.addVotes(this.#search, candidates.address, rows, table.address, columns, column);
    calls.addOverlapVotes(
      this.#search,
      candidates.address,
      rows,
      userKnnVoters,
      userKnnItems,
      table.address,
      columns,
      first,
    );
  }
}
