/**
 * How much learning may cost: events that are looked at to learn from them, as tokens of a bucket. Looking for the
 * candidates of a list is most of the work, also where the event's item turns out to be none of them, so that a token
 * goes for every look and not for every example. Time is that of the events: what is looked at follows from the log
 * alone, and years that are imported in a minute teach as they would have when they happened. Events without a time of
 * their own have that of their publication; of many at once a share is looked at in any case.
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

  /** An event of this time, in milliseconds, came. */
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

  /** Takes a token; false where there is none. */
  take(): boolean {
    if (this.isEmpty) return false;
    this.#tokens--;
    return true;
  }

  /** What is left, and as of when; equal ones go on equally. */
  state(): Float64Array {
    return Float64Array.of(this.#tokens, this.#time);
  }

  /** Takes over what {@link state} gave; throws a RangeError for anything else. */
  restore(state: ArrayLike<number>): void {
    const [tokens, time] = [state[0], state[1]];
    if (state.length !== 2 || !Number.isFinite(tokens) || !Number.isFinite(time))
      throw new RangeError('a budget is a number of tokens and a time');
    this.#tokens = tokens!;
    this.#time = time!;
  }
}
