/** How candidates are found and weighted. */
import { AGE_DEFAULTS, type AgeConfig } from '../signals/age.ts';
import { NEIGHBOUR_DEFAULTS, type NeighbourConfig } from '../signals/neighbours.ts';
import { type BlendWeights, COLD_DEFAULTS, LONG_DEFAULTS, SHORT_DEFAULTS, SIMILAR_DEFAULTS } from './blend.ts';

export interface RankingConfig extends AgeConfig, NeighbourConfig {
  /** Candidates by transitions. */
  transitionCandidates: number;
  /** Candidates by co-occurrences. */
  coOccurrenceCandidates: number;
  /** Candidates by sequence neighbours. */
  neighbourCandidates: number;
  /** Candidates by similarity of content. */
  contentCandidates: number;
  /** Candidates by decayed popularity. */
  popularCandidates: number;
  /** Candidates among the newest items. */
  newCandidates: number;
  /** Candidates among items with few events of their own, by the score of their features. */
  coldItemCandidates: number;
  /** How many items those are chosen from: the newest ones with few events. */
  coldItemPool: number;
  /** Share of what came before in the sum that chooses candidates by transition. */
  beforeShare: number;
  /** Weights for users with a few events; in between, the two sets are mixed. */
  short: BlendWeights;
  /** Weights for users with a long history. */
  long: BlendWeights;
  /** Weights for users without a history. */
  cold: BlendWeights;
  /** Weights for items that are similar to an item. */
  similar: BlendWeights;
  /** Whether items of a user's own history may come back; this also decides what the ranker learns from. */
  includeSeen: boolean;
  /**
   * Whether the model may serve items that were never published; a log of interactions without a catalogue needs this.
   */
  serveUnpublished: boolean;
  /**
   * Which items the texts of a user's traits match: `declared`: those with a tag of the text, or an attribute of the trait's
   * name; `any`: those with the text in any tag or attribute.
   */
  traitsMatch: 'declared' | 'any';
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
  traitsMatch: 'declared',
};
