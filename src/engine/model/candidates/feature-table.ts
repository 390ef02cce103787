/** The feature table: the values of every signal for the candidates of a list. */

import { newness } from '../signals/age.ts';
import { PAIR_CHANNELS, TRANSITION_CHANNELS } from '../signals/co-occurrence.ts';
import { ContentSimilarity, queryOfLastItem } from '../signals/content.ts';
import { Lift } from '../signals/lift.ts';
import type { MappedSignals } from '../signals/mapped.ts';
import { NEIGHBOUR_CHANNELS, NEIGHBOUR_STRIDE, NEIGHBOUR_UNIT } from '../signals/neighbours.ts';
import { addRecency } from '../signals/recency.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Profile } from '../state/profile.ts';
import type { Statistics } from '../state/statistics.ts';
import type { RankingConfig } from './config.ts';
import { COLUMN, FEATURES } from './features.ts';
import type { ListSignals } from './list-signals.ts';
import type { RankRequest } from './types.ts';

const MAPPED_COLUMNS = [
  ['content', COLUMN.whitened],
  ['towers', COLUMN.towers],
] as const;
/**
 * How many of the pair channels are transitions; the other channels are co-occurrences. Each kind shares its damping.
 */
const TRANSITIONS = TRANSITION_CHANNELS.length;
const UNITS = Float64Array.from(PAIR_CHANNELS, ({ unit }) => 1 / unit);

export class FeatureTable {
  readonly lift: Lift;
  readonly #config: RankingConfig;
  readonly #state: ModelState;
  readonly #statistics: Statistics;
  readonly #signals: ListSignals;
  readonly #mapped: MappedSignals;
  readonly #similarity = new ContentSimilarity();
  #table = new Float64Array(0);
  /** f, b and co of the candidates with one item of the history; the candidates' numbers. */
  #counts = new Float64Array(0);
  #numbers = new Int32Array(0);

  constructor(config: RankingConfig, state: ModelState, signals: ListSignals, mapped: MappedSignals) {
    const { statistics } = state;
    const { transitionDamping, coOccurrenceDamping } = signals;
    this.#config = config;
    this.#state = state;
    this.#statistics = statistics;
    this.#signals = signals;
    this.#mapped = mapped;
    this.lift = new Lift({ statistics, transitionDamping, coOccurrenceDamping });
  }

  /**
   * Values by candidate, `row * FEATURES.length + column`, before they become features; the next call overwrites them.
   * The last search must have been the one for these candidates.
   */
  fill(request: RankRequest, candidates: readonly number[]): Float64Array {
    const columns = FEATURES.length;
    const size = candidates.length * columns;
    if (this.#table.length < size) this.#table = new Float64Array(size * 2);
    const values = this.#table.subarray(0, size).fill(0);
    const { profile, query } = request;
    const { catalogue, popularity, dismissals, postings } = this.#state;
    const { neighbours } = this.#signals;
    const statistics = this.#statistics;
    const mapped = this.#mapped;
    this.#addCounts(profile, candidates, values);
    this.#similarity.take(query, queryOfLastItem(profile, catalogue), catalogue);
    const { short, long } = popularity;
    for (let row = 0; row < candidates.length; row++) {
      const item = candidates[row]!;
      const at = row * columns;
      if (neighbours.isTouched(item)) {
        for (let k = 0; k < NEIGHBOUR_CHANNELS.length; k++) {
          values[at + COLUMN.neighbours + k] = neighbours.sums[item * NEIGHBOUR_STRIDE + k]! * NEIGHBOUR_UNIT;
        }
      }
      const total = statistics.total[item] ?? 0;
      this.#similarity.fill(item, catalogue, values, at + COLUMN.content, at + COLUMN.contentLast);
      values[at + COLUMN.popular] = total / 16;
      values[at + COLUMN.popularShort] = short[item]!;
      values[at + COLUMN.popularLong] = long[item]!;
      values[at + COLUMN.newness] = newness(item, request.at, catalogue, this.#config);
      values[at + COLUMN.disliked] = (statistics.negative[item] ?? 0) / (total + 80);
      values[at + COLUMN.dismissed] = (16 * (dismissals.counts[item] ?? 0)) / (total + 80);
    }
    for (const [kind, column] of MAPPED_COLUMNS)
      mapped.fill(kind, request.history, candidates, statistics, values, column, columns);
    for (let row = 0; row < candidates.length; row++) {
      const at = row * columns;
      // For a new item whitened similarity says the same and better. Both together rank like the worse of the two.
      if (values[at + COLUMN.whitened]! > 0)
        values[at + COLUMN.content] = values[at + COLUMN.content]! * mapped.ownShare(candidates[row]!, statistics);
    }
    addRecency(candidates, postings, request.position, values, COLUMN.recency, columns);
    return values;
  }

  /** Adds the pair counts of the history's items and the candidates, with one read of each row of counts. */
  #addCounts({ items, lags }: Profile, candidates: readonly number[], values: Float64Array): void {
    const columns = FEATURES.length;
    const rows = candidates.length;
    const statistics = this.#statistics;
    const { pairs, transitionDamping, coOccurrenceDamping } = this.#signals;
    if (this.#counts.length < rows * 3) {
      this.#counts = new Float64Array(rows * 6);
      this.#numbers = new Int32Array(rows * 2);
    }
    const counts = this.#counts;
    const numbers = this.#numbers;
    numbers.set(candidates);
    pairs.begin(rows);
    this.lift.begin(candidates);
    for (let place = 0; place < items.length; place++) {
      const own = items[place]!;
      statistics.pairs.readAll(own, numbers, rows, counts);
      pairs.add(place, counts, rows);
      this.lift.add(own, lags[place]![0]!, counts, values, COLUMN.lift, columns);
    }
    const { sums } = pairs;
    for (let row = 0; row < rows; row++) {
      const item = candidates[row]!;
      const transitions = transitionDamping.of(item, statistics);
      const coOccurrences = coOccurrenceDamping.of(item, statistics);
      for (let k = 0; k < PAIR_CHANNELS.length; k++) {
        const sum = sums[row * PAIR_CHANNELS.length + k]!;
        values[row * columns + k] = sum * (k < TRANSITIONS ? transitions : coOccurrences) * UNITS[k]!;
      }
    }
  }
}
