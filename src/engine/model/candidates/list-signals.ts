/** Signals of the list that is being computed. The search fills them, the feature table reads them. */

import { Damping } from '../signals/damping.ts';
import { DIRECTED_CHANNELS } from '../signals/directed.ts';
import { type NeighbourConfig, Neighbours } from '../signals/neighbours.ts';
import { PairSums } from '../signals/pair-sums.ts';
import { TOGETHER_CHANNELS } from '../signals/together.ts';

export interface ListSignals {
  readonly pairs: PairSums;
  readonly neighbours: Neighbours;
  readonly directedDamping: Damping;
  readonly togetherDamping: Damping;
}

/** @param users ids of users by number */
export function createListSignals(
  config: NeighbourConfig & { beforeShare: number },
  users: readonly string[],
): ListSignals {
  return {
    pairs: new PairSums(config.beforeShare),
    neighbours: new Neighbours(config, users),
    directedDamping: new Damping(DIRECTED_CHANNELS[0]!.target),
    togetherDamping: new Damping(TOGETHER_CHANNELS[0]!.target),
  };
}
