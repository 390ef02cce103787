/**
 * Polls until a check gives a result.
 *
 * @param everyMs milliseconds between the end of a check and the next one; the first check is made at once
 * @param check gives the result, or undefined to go on. What it throws ends the polls, so it throws once a deadline is over.
 */
export async function pollUntil<T>(everyMs: number, check: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (;;) {
    const result = await check();
    if (result !== undefined) return result;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
