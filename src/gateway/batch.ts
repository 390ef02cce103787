/** The lists of many users in one answer. Each user gets a list or a problem, whatever the others get. */
import type { Json } from '../bus/nats/micro.ts';
import { type Problem, problemOf } from '../bus/nats/problem.ts';
import { ServiceUnavailableError } from '../errors.ts';

export interface BatchAnswer {
  user: string;
  ranking?: unknown;
  problem?: Problem;
}

export interface BatchOptions {
  /** Most requests at once. */
  window: number;
  /** Milliseconds that all of them together may wait for their `min_seq`. */
  waitMs: number;
  /** Milliseconds after which the others are not requested any more. */
  limitMs: number;
  /** Takes errors that are no answer: a defect, or a service that fails. */
  onError: (err: unknown) => void;
  /** Milliseconds, monotonic. */
  now?: () => number;
}

/**
 * Answers in the order of the users. A user whose turn comes late gets what is left of the wait for `min_seq`.
 *
 * @param listOf the answer for one user, or its error
 */
export async function listsOfMany(
  users: readonly string[],
  listOf: (user: string, waits: Pick<Json, 'timeout_ms'>) => Promise<unknown>,
  { window, waitMs, limitMs, onError, now = () => performance.now() }: BatchOptions,
): Promise<BatchAnswer[]> {
  const answers: BatchAnswer[] = [];
  const started = now();
  let next = 0;
  async function work(): Promise<void> {
    for (let at = next++; at < users.length; at = next++) {
      const user = users[at] as string;
      try {
        const took = now() - started;
        if (took > limitMs)
          throw new ServiceUnavailableError(`The lists of the users before this one took ${Math.round(took)} ms.`, {
            next: 'request this user again, or fewer users at once',
          });
        const left = Math.max(0, Math.ceil(waitMs - took));
        answers[at] = { user, ranking: await listOf(user, { timeout_ms: left }) };
      } catch (err) {
        const problem = problemOf(err);
        if (problem.status === 500) onError(err);
        answers[at] = { user, problem };
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(window, users.length) }, work));
  return answers;
}
