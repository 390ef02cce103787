/** Signals of the list that is being computed. The search fills them, the feature table reads them. */

import { CO_OCCURRENCE_CHANNELS, TRANSITION_CHANNELS } from '../signals/co-occurrence.ts';
import { Damping } from '../signals/damping.ts';
import { type NeighbourConfig, Neighbours } from '../signals/neighbours.ts';
import { PairSums } from '../signals/pair-sums.ts';

export interface ListSignals {
  readonly pairs: PairSums;
  readonly neighbours: Neighbours;
  readonly transitionDamping: Damping;
  readonly coOccurrenceDamping: Damping;
}

/** @param users ids of users by number */
export function createListSignals(
  config: NeighbourConfig & { beforeShare: number },
  users: readonly string[],
): ListSignals {
  return {
    pairs: new PairSums(config.beforeShare),
    neighbours: new Neighbours(config, users),
    transitionDamping: new Damping(TRANSITION_CHANNELS[0]!.target),
    coOccurrenceDamping: new Damping(CO_OCCURRENCE_CHANNELS[0]!.target),
  };
}
