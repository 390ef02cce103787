/** Answers that many callers share for a moment, so that they cost as much as one of them. */

/**
 * Makes an answer, and repeats it to everybody who asks within so many milliseconds of the request that it was made for. An
 * answer that failed is not repeated.
 *
 * @param now milliseconds, monotonic
 */
export function repeated<T>(make: () => Promise<T>, ms: number, now = () => performance.now()): () => Promise<T> {
  let last: { answer: Promise<T>; at: number } | undefined;
  return () => {
    if (last && now() - last.at < ms) return last.answer;
    const made = { answer: make(), at: now() };
    last = made;
    made.answer.catch(() => {
      if (last === made) last = undefined;
    });
    return made.answer;
  };
}
