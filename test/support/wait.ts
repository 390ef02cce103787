/** Waits for a condition, with a limit; never for time to pass. */

/** Factor on the time of a machine without other work: runners are shared, and a longer limit costs nothing. */
const PATIENCE = 6;
/** Longest limit of a wait, milliseconds: it ends before the test does, and its error names the condition. */
const LONGEST_MS = 480_000;

export interface UntilOptions {
  /** Milliseconds after which the wait fails, on a machine without other work. */
  within?: number;
  /** The condition in words, for the message. Default: the source text of the condition. */
  what?: string;
}

/**
 * Resolves with the condition's first value that is neither false, null nor undefined. A condition that throws is
 * not true yet; its last error is the cause of the error at the limit.
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
