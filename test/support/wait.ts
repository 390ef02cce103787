/** Waiting for something to become so, with a limit; never for time to pass. */

/** How much longer than a machine needs that does nothing else: runners are shared, and waiting costs nothing. */
const PATIENCE = 6;
/** Milliseconds that no wait takes longer than: it ends before the test does, and says what it waited for. */
const LONGEST_MS = 480_000;

export interface UntilOptions {
  /** Milliseconds after which it is given up, on a machine that does nothing else. */
  within?: number;
  /** What was waited for, for the message; the condition's own text unless given. */
  what?: string;
}

/**
 * Resolves with the condition's first value that is neither false, null nor undefined. A condition that throws has
 * not come true yet; its last error is the cause of the one that is thrown at the limit.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { within = 10_000, what = condition.toString() }: UntilOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const limit = Math.min(within * PATIENCE, LONGEST_MS);
  const deadline = performance.now() + limit;
  let cause: unknown;
  for (let pause = 1; ; pause = Math.min(pause * 1.5, 50)) {
    try {
      const value = await condition();
      if (value !== false && value !== null && value !== undefined)
        return value as Exclude<T, false | null | undefined>;
      cause = undefined;
    } catch (err) {
      cause = err;
    }
    if (performance.now() > deadline) throw new Error(`Not within ${limit} ms: ${what}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
