/**
 * The cost of learning, as a token bucket. Most of the work is the search for a list's candidates, also when the
 * event's item is not among them, so each search costs a token, not each example. The bucket fills by the time of
 * events. So the log alone decides what the ranker learns from, and years that are imported in a minute train it as
 * they would have when they happened. Events without a time of their own have that of their publication; if many come
 * at once, a share of them still trains.
 */
export interface BudgetConfig {
  /** Tokens for each second of event time. */
  perSecond: number;
  /** Tokens for each event, at most 1. */
  perEvent: number;
  /** Tokens that the bucket holds. */
  burst: number;
}

export const BUDGET_DEFAULTS: BudgetConfig = { perSecond: 10, perEvent: 0.01, burst: 200 };

export class Budget {
  readonly #config: BudgetConfig;
  #tokens: number;
  /** Newest time of an event, milliseconds. */
  #time = 0;

  constructor(config: BudgetConfig) {
    this.#config = config;
    this.#tokens = config.burst;
  }

  /** Fills the bucket for an event of this time, milliseconds. */
  advance(time: number): void {
    const { perSecond, perEvent, burst } = this.#config;
    const passed = Math.max(0, time - this.#time);
    this.#time += passed;
    this.#tokens = Math.min(burst, this.#tokens + perEvent + (passed / 1000) * perSecond);
  }

  /** Whether there is no token. */
  get isEmpty(): boolean {
    return this.#tokens < 1;
  }

  /** Takes a token; false without one. */
  take(): boolean {
    if (this.isEmpty) return false;
    this.#tokens--;
    return true;
  }

  /** The tokens, and the time of the newest event. */
  state(): Float64Array {
    return Float64Array.of(this.#tokens, this.#time);
  }

  /** Restores what {@link state} gave. Throws a RangeError for anything else. */
  restore(state: ArrayLike<number>): void {
    const [tokens, time] = [state[0], state[1]];
    if (state.length !== 2 || !Number.isFinite(tokens) || !Number.isFinite(time))
      throw new RangeError(
        `The state of a budget is two finite numbers, tokens and a time. It was [${Array.from(state).join(', ')}].`,
      );
    this.#tokens = tokens!;
    this.#time = time!;
  }
}
