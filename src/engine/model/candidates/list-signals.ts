/** Signals of the list that is being computed. The search fills them, the feature table reads them. */
import type { Address, Column } from '../kernel/kernel.ts';
import { CO_OCCURRENCE_CHANNELS, TRANSITION_CHANNELS } from '../signals/co-occurrence.ts';
import { Damping } from '../signals/damping.ts';
import { type NeighbourConfig, Neighbours } from '../signals/neighbours.ts';
import { PairSums } from '../signals/pair-sums.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Profile } from '../state/profile.ts';

export interface ListSignals {
  /** The kernel's search. */
  readonly search: Address;
  readonly pairs: PairSums;
  readonly neighbours: Neighbours;
  readonly transitionDamping: Damping;
  readonly coOccurrenceDamping: Damping;
  readonly profile: ProfileColumns;
}

/** A profile in the kernel: its items, newest first, and the smallest lag of each. */
export class ProfileColumns {
  readonly items: Column<Int32Array>;
  readonly lags: Column<Int32Array>;

  constructor({ kernel }: ModelState) {
    this.items = kernel.i32(64);
    this.lags = kernel.i32(64);
  }

  take({ items, lags }: Profile): void {
    this.items.reserveTwice(items.length);
    this.lags.reserveTwice(items.length);
    this.items.view.set(items);
    const { view } = this.lags;
    for (let place = 0; place < items.length; place++) view[place] = lags[place]![0]!;
  }
}

export function createListSignals(config: NeighbourConfig & { beforeShare: number }, state: ModelState): ListSignals {
  const { kernel, prefixes, statistics } = state;
  const transitionDamping = new Damping(TRANSITION_CHANNELS[0]!.target, kernel);
  const coOccurrenceDamping = new Damping(CO_OCCURRENCE_CHANNELS[0]!.target, kernel);
  const search =
    kernel.calls.newSearch(
      statistics.pairs.address,
      prefixes.items.address,
      prefixes.users.address,
      transitionDamping.address,
      coOccurrenceDamping.address,
    ) >>> 0;
  return {
    search,
    pairs: new PairSums(config.beforeShare, kernel, search, { transitionDamping, coOccurrenceDamping }),
    neighbours: new Neighbours(config, kernel, search),
    transitionDamping,
    coOccurrenceDamping,
    profile: new ProfileColumns(state),
  };
}
