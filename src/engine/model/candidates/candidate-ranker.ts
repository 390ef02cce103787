/**
 * The candidate ranker, from a profile to a ranked list: the best items of each signal become candidates
 * (candidate-search.ts), each candidate gets the value of every signal (feature-table.ts), and the blend or the learned
 * ranker scores them. The candidates are in an order that depends on their ids alone while numbers are added up, so a
 * list is the same wherever it is computed.
 */
import { TopK } from '../primitives/top-k.ts';
import { strengthOf } from '../ranker/gates.ts';
import type { Ranker, TrainingExample } from '../ranker/ranker.ts';
import type { MappedSignals } from '../signals/mapped.ts';
import type { PairSums } from '../signals/pair-sums.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Profile } from '../state/profile.ts';
import { mixByLength, weightColumns } from './blend.ts';
import { CandidateSearch } from './candidate-search.ts';
import type { RankingConfig } from './config.ts';
import { FeatureTable } from './feature-table.ts';
import { COLUMN, FEATURES } from './features.ts';
import { createListSignals } from './list-signals.ts';
import type { Ranked, RankRequest, RawExample } from './types.ts';

/** What lists are computed from. */
export interface CandidateRankerFrom {
  state: ModelState;
  /** Scores of recorded inputs. */
  mapped: MappedSignals;
  /** Corrects the weights of lists for a history; undefined: the blend alone decides. */
  ranker: Ranker | undefined;
}

export class CandidateRanker {
  /** Sums of the last list, for its explanation. */
  readonly pairs: PairSums;
  readonly #search: CandidateSearch;
  readonly #table: FeatureTable;
  readonly #ranker: Ranker | undefined;
  readonly #weights: Record<'short' | 'long' | 'cold' | 'similar', Float64Array>;
  readonly #mixed = new Float64Array(FEATURES.length);
  readonly #best: TopK;

  constructor(config: RankingConfig, { state, mapped, ranker }: CandidateRankerFrom) {
    const signals = createListSignals(config, state);
    this.pairs = signals.pairs;
    this.#search = new CandidateSearch(config, state, signals, mapped);
    this.#table = new FeatureTable(config, state, signals, mapped);
    this.#ranker = ranker;
    this.#best = new TopK(0, state.catalogue.ids.ids);
    this.#weights = {
      short: weightColumns(config.short),
      long: weightColumns(config.long),
      cold: weightColumns(config.cold),
      similar: weightColumns(config.similar),
    };
  }

  /** See {@link CandidateSearch.isItem}. */
  isItem(item: number): boolean {
    return this.#search.isItem(item);
  }

  /** See {@link CandidateSearch.sample}. */
  sample(): number[] {
    return this.#search.sample();
  }

  /** By item of the last list's history: what it alone adds to the lift channels of an item. */
  liftParts(item: number, profile: Profile): Float64Array[] {
    return this.#table.liftParts(item, profile);
  }

  rank(request: RankRequest): Ranked {
    const candidates = this.#search.find(request);
    const { features: inKernel, means } = this.#features(request, candidates);
    // The caller may read them after the kernel's memory has grown.
    const features = this.#table.copy(candidates.length);
    const { scores, weightsOf } = this.#score(request, inKernel, features, means);
    const best = this.#best.reset(Math.min(request.count, candidates.length));
    const rows = new Map<number, number>();
    for (let row = 0; row < candidates.length; row++) {
      const score = scores[row]!;
      if (!best.admits(score)) continue;
      best.offer(candidates[row]!, score);
      rows.set(candidates[row]!, row);
    }
    const list = best.sorted().map(({ item, score }) => ({ item, score, row: rows.get(item)! }));
    return { list, candidates, features, scores, means, weightsOf };
  }

  /**
   * Values of all candidates for a training example, if this item is among them. They are valid until the next list, or
   * until the kernel's memory grows.
   */
  raw(request: RankRequest, item: number): RawExample | undefined {
    const candidates = this.#search.find(request);
    const row = candidates.indexOf(item);
    if (row < 0) return undefined;
    this.#table.fill(request, candidates);
    const rows = candidates.length;
    const { historyLength, profile } = request;
    return { values: this.#table.values(rows), rows, row, historyLength, effort: profile.items.length };
  }

  /** The training example of these values, for the ranker as it is, which is prepared for it. It computes no scores. */
  exampleOf({ values, rows, row, historyLength }: RawExample): TrainingExample {
    this.#table.load(values);
    const { features, means } = this.#table.toFeatures(rows, this.#ranker?.usual);
    this.prepareRanker(historyLength, this.strengthOf(means));
    return { features, means, rows, row };
  }

  /** Most candidates of an example. */
  get mostRows(): number {
    return this.#search.most;
  }

  #features(request: RankRequest, candidates: readonly number[]): Pick<Ranked, 'features' | 'means'> {
    this.#table.fill(request, candidates);
    return this.#table.toFeatures(candidates.length, request.blend === 'history' ? this.#ranker?.usual : undefined);
  }

  /** Prepares the ranker for features of an earlier list, for a history of this many events. */
  prepareRanker(historyLength: number, strength: number): void {
    this.#ranker?.prepare(
      mixByLength(this.#weights.short, this.#weights.long, historyLength, this.#mixed),
      historyLength,
      strength,
    );
  }

  /** Strength of a list's evidence, from the means of its values before they became features. */
  strengthOf(means: Float64Array): number {
    return strengthOf(means[COLUMN.strength]!, this.#ranker?.means[COLUMN.strength] ?? 0);
  }

  #score(
    { blend, historyLength }: RankRequest,
    inKernel: Float64Array,
    features: Float64Array,
    means: Float64Array,
  ): { scores: Float64Array; weightsOf: (row: number) => Float64Array } {
    const columns = FEATURES.length;
    const rows = features.length / columns;
    const ranker = this.#ranker;
    if (blend === 'history' && ranker !== undefined) {
      this.prepareRanker(historyLength, this.strengthOf(means));
      return {
        scores: ranker.score(inKernel, rows).slice(0, rows),
        weightsOf: (row) => ranker.weightsOf(features, row),
      };
    }
    const weights =
      blend === 'history'
        ? mixByLength(this.#weights.short, this.#weights.long, historyLength, this.#mixed)
        : this.#weights[blend];
    const scores = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      let score = 0;
      for (let k = 0; k < columns; k++) score += weights[k]! * features[row * columns + k]!;
      scores[row] = score;
    }
    return { scores, weightsOf: () => weights };
  }
}
