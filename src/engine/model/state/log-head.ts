/** How far the fold has come: in the log, and in the time of its events. */
export class LogHead {
  /** Newest position of the log at which a user took an item. */
  position = 0;
  #clock = 0;

  /** The fold's clock, milliseconds since 1970. */
  get clock(): number {
    return this.#clock;
  }

  /** Moves the clock on to a time, milliseconds since 1970; it never goes back. */
  advance(timeMs: number): void {
    if (timeMs > this.#clock) this.#clock = timeMs;
  }
}
