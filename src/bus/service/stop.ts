/** Stops several things that depend on each other, if some of them fail to stop too. */
import { messageOf } from '../../errors.ts';

/** What to stop, and how. */
export type StopStep = readonly [what: string, stop: () => unknown];

/**
 * Carries out every step in turn, also those after a failed one. Throws afterwards: one error, or an `AggregateError` if
 * several steps failed. Each message names what could not be stopped.
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
