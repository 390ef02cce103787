/** Ending several things that depend on each other, of which any may fail to end. */
import { messageOf } from '../../errors.ts';

/** What is ended, and how. */
export type StopStep = readonly [what: string, stop: () => unknown];

/**
 * Carries out every step in turn, also those behind one that failed. Throws afterwards: the error itself where one step
 * failed, an `AggregateError` where several did, each naming what could not be ended.
 */
export async function stopAll(steps: readonly StopStep[]): Promise<void> {
  const errors: Error[] = [];
  for (const [what, stop] of steps) {
    try {
      await stop();
    } catch (err) {
      errors.push(new Error(`${what} could not be stopped: ${messageOf(err)}`, { cause: err }));
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, errors.map(({ message }) => message).join('; '));
}
