/** How candidates are found and weighed. */
import { AGE_DEFAULTS, type AgeConfig } from '../signals/age.ts';
import { NEIGHBOUR_DEFAULTS, type NeighbourConfig } from '../signals/neighbours.ts';
import { type BlendWeights, COLD_DEFAULTS, LONG_DEFAULTS, SHORT_DEFAULTS, SIMILAR_DEFAULTS } from './blend.ts';

export interface RankingConfig extends AgeConfig, NeighbourConfig {
  /** Candidates of the directed counts. */
  transitionCandidates: number;
  /** Candidates of the symmetric counts. */
  coOccurrenceCandidates: number;
  /** Candidates of sequence neighbours. */
  neighbourCandidates: number;
  /** Candidates by content. */
  contentCandidates: number;
  /** Candidates by decayed popularity. */
  popularCandidates: number;
  /** Candidates among the items listed last. */
  newCandidates: number;
  /** Candidates among items with few events of their own, by what their features promise. */
  coldItemCandidates: number;
  /** Items that those are chosen from: the ones listed last of all with few events. */
  coldItemPool: number;
  /** Share of what came before in the sum that directed candidates are chosen by. */
  beforeShare: number;
  /** Weights for readers with a few events; in between, the two are mixed. */
  short: BlendWeights;
  /** Weights for readers with a long history. */
  long: BlendWeights;
  /** Weights for readers without one. */
  cold: BlendWeights;
  /** Weights for items that go with an item. */
  similar: BlendWeights;
  /** Whether items of a user's own history may come back; decides what the ranker learns from. */
  includeSeen: boolean;
  /** Whether items that were never published may be served; needed where interactions come without a catalogue. */
  serveUnpublished: boolean;
}

export const RANKING_DEFAULTS: RankingConfig = {
  ...AGE_DEFAULTS,
  ...NEIGHBOUR_DEFAULTS,
  transitionCandidates: 120,
  coOccurrenceCandidates: 60,
  neighbourCandidates: 60,
  contentCandidates: 60,
  popularCandidates: 60,
  newCandidates: 20,
  coldItemCandidates: 30,
  coldItemPool: 1_024,
  beforeShare: 0.3,
  short: SHORT_DEFAULTS,
  long: LONG_DEFAULTS,
  cold: COLD_DEFAULTS,
  similar: SIMILAR_DEFAULTS,
  includeSeen: false,
  serveUnpublished: false,
};
