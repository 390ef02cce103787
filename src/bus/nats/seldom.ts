/** Lets through one of many events in so much time, for log messages that a caller could cause any number of times. */

/**
 * Counts an event. Returns the number of events since the last that was let through, or undefined while the time from that
 * one has not passed.
 */
export function createSeldom(everyMs: number): () => number | undefined {
  let count = 0;
  let passedAt = Number.NEGATIVE_INFINITY;
  return () => {
    count++;
    const now = performance.now();
    if (now - passedAt < everyMs) return undefined;
    const passed = count;
    passedAt = now;
    count = 0;
    return passed;
  };
}
