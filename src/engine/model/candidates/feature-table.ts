/** The feature table: the values of every signal for the candidates of a list. */

import type { Column } from '../kernel/kernel.ts';
import { newness } from '../signals/age.ts';
import { ContentSimilarity, queryOfLastItem } from '../signals/content.ts';
import { Lift, massOf, OWN } from '../signals/lift.ts';
import type { MappedSignals } from '../signals/mapped.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Profile } from '../state/profile.ts';
import type { Statistics } from '../state/statistics.ts';
import type { RankingConfig } from './config.ts';
import { COLUMN, FEATURES, FORMS } from './features.ts';
import type { ListSignals } from './list-signals.ts';
import type { RankRequest } from './types.ts';

const MAPPED_COLUMNS = [
  ['content', COLUMN.whitened],
  ['towers', COLUMN.towers],
] as const;
const NEIGHBOUR_COLUMNS = { columns: FEATURES.length, column: COLUMN.neighbours };
const CONTENT_COLUMNS = { columns: FEATURES.length, whole: COLUMN.content, last: COLUMN.contentLast };

export class FeatureTable {
  readonly #lift: Lift;
  readonly #config: RankingConfig;
  readonly #state: ModelState;
  readonly #statistics: Statistics;
  readonly #signals: ListSignals;
  readonly #mapped: MappedSignals;
  readonly #similarity: ContentSimilarity;
  readonly #table: Column<Float64Array>;
  /** Means of positive values by column, and scratch. */
  readonly #means: Column<Float64Array>;
  readonly #scales: Column<Float64Array>;
  readonly #forms: Column<Int32Array>;
  /** Running means of a ranker that has learned nothing. */
  readonly #unknown: Column<Float64Array>;
  /** The candidates' numbers; what lift reads of the history; scratch of a double for each pair. */
  readonly #numbers: Column<Int32Array>;
  readonly #own: Column<Float64Array>;
  readonly #slots: Column<Float64Array>;

  constructor(config: RankingConfig, state: ModelState, signals: ListSignals, mapped: MappedSignals) {
    const { statistics } = state;
    const { transitionDamping, coOccurrenceDamping } = signals;
    this.#config = config;
    this.#state = state;
    this.#statistics = statistics;
    this.#signals = signals;
    this.#mapped = mapped;
    const { kernel } = state;
    this.#similarity = new ContentSimilarity(kernel);
    this.#lift = new Lift({ statistics, transitionDamping, coOccurrenceDamping }, kernel, signals.search);
    const columns = FEATURES.length;
    this.#table = kernel.f64(columns * 128);
    this.#means = kernel.f64(columns);
    this.#scales = kernel.f64(columns);
    this.#unknown = kernel.f64(columns);
    this.#forms = kernel.i32(columns);
    this.#forms.view.set(FORMS);
    this.#numbers = kernel.i32(128);
    this.#own = kernel.f64(64 * OWN);
    this.#slots = kernel.f64(128 * 32);
  }

  /**
   * Fills the table with the values of the candidates. The last search must have been the one for these candidates.
   */
  fill(request: RankRequest, candidates: readonly number[]): void {
    const columns = FEATURES.length;
    const size = candidates.length * columns;
    const { profile, query } = request;
    const { catalogue, popularity, dismissals } = this.#state;
    this.#table.reserveTwice(size);
    this.#table.view.fill(0, 0, size);
    const statistics = this.#statistics;
    const mapped = this.#mapped;
    this.#addCounts(profile, candidates);
    this.#signals.neighbours.addVotes(this.#numbers, candidates.length, this.#table, NEIGHBOUR_COLUMNS);
    this.#similarity.take(query, queryOfLastItem(profile, catalogue), catalogue);
    this.#similarity.fill(this.#numbers, candidates.length, catalogue, this.#table, CONTENT_COLUMNS);
    this.#state.kernel.calls.addItemValues(
      this.#signals.search,
      this.#numbers.address,
      candidates.length,
      popularity.columns.short.address,
      popularity.columns.long.address,
      request.position,
      this.#table.address,
      columns,
      COLUMN.popular,
      COLUMN.recency,
    );
    const values = this.#table.view;
    const { total, negative } = statistics;
    const { counts } = dismissals;
    for (let row = 0; row < candidates.length; row++) {
      const item = candidates[row]!;
      const at = row * columns;
      const prior = total[item]! + 80;
      values[at + COLUMN.newness] = newness(item, request.at, catalogue, this.#config);
      values[at + COLUMN.disliked] = negative[item]! / prior;
      values[at + COLUMN.dismissed] = (16 * (counts[item] ?? 0)) / prior;
    }
    const evidence = request.evidence ?? request.history;
    for (const [kind, column] of MAPPED_COLUMNS)
      mapped.fill(kind, evidence, this.#numbers, candidates.length, statistics, this.#table, column, columns);
    // The kernel's memory may have grown since.
    const filled = this.#table.view;
    for (let row = 0; row < candidates.length; row++) {
      const at = row * columns;
      // For a new item whitened similarity says the same and better. Both together rank like the worse of the two.
      if (filled[at + COLUMN.whitened]! > 0)
        filled[at + COLUMN.content] = filled[at + COLUMN.content]! * mapped.ownShare(candidates[row]!, statistics);
    }
  }

  /**
   * Turns the values of the last {@link fill} into features, in place. The order of rows must depend on ids alone.
   *
   * @param usual running means of values by column (ranker/means.ts); 0, or left out: the mean of this list
   * @returns the features, `row * FEATURES.length + column`, valid until the next call of the kernel, and the means of
   *   this list's positive values by column, 0 for a column without any
   */
  toFeatures(rows: number, usual = this.#unknown): { features: Float64Array; means: Float64Array } {
    const columns = FEATURES.length;
    this.#state.kernel.calls.makeFeatures(
      this.#table.address,
      rows,
      columns,
      this.#forms.address,
      usual.address,
      this.#means.address,
      this.#scales.address,
    );
    return { features: this.#table.view.subarray(0, rows * columns), means: this.#means.view.slice() };
  }

  /** Adds the pair counts of the history's items and the candidates, with one read of each row of counts. */
  #addCounts(profile: Profile, candidates: readonly number[]): void {
    const rows = candidates.length;
    const { pairs, profile: columns } = this.#signals;
    this.#slots.reserveTwice(rows * profile.items.length);
    this.#numbers.reserveTwice(rows);
    this.#numbers.view.set(candidates);
    pairs.reserve(rows);
    this.#lift.describeHistory(profile, this.#own);
    this.#state.kernel.calls.addPairs(
      this.#signals.search,
      columns.items.address,
      columns.lags.address,
      profile.items.length,
      pairs.weights.address,
      this.#own.address,
      this.#numbers.address,
      rows,
      massOf(this.#statistics),
      this.#slots.address,
      pairs.sums.address,
      this.#table.address,
      FEATURES.length,
      COLUMN.lift,
    );
  }

  /** The values of the last {@link fill}; valid until the next call of the kernel. */
  values(rows: number): Float64Array {
    return this.#table.view.subarray(0, rows * FEATURES.length);
  }

  /** Takes values over that {@link values} gave, also those of another table. */
  load(values: Float64Array): void {
    if (values.buffer === this.#table.view.buffer && values.byteOffset === this.#table.view.byteOffset) return;
    this.#table.reserveTwice(values.length);
    this.#table.view.set(values);
  }

  /** A copy of the features of the last list. */
  copy(rows: number): Float64Array {
    return this.#table.view.slice(0, rows * FEATURES.length);
  }

  /** See {@link Lift.partsOf}, for the history of the last list. */
  liftParts(item: number, profile: Profile): Float64Array[] {
    const { profile: columns, pairs } = this.#signals;
    return this.#lift.partsOf(item, profile, columns.items, columns.lags, pairs.weights);
  }
}
