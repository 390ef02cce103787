/** A task that runs at each poll, and whenever its owner asks. */
import { withTimeLimit } from '../../bus/nats/time-limit.ts';

/** Milliseconds that a stop waits for the current run. */
const STOP_MS = 2_000;

/** Runs a task at each poll, one run at a time. */
export function createPolledTask(carryOut: () => Promise<void>) {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let stopped = false;
  const run = (): void => {
    if (stopped || running) return;
    running = carryOut().finally(() => {
      running = undefined;
    });
  };
  return {
    run,
    start: (pollMs: number): void => {
      run();
      timer = setInterval(run, pollMs);
      timer.unref();
    },
    stop: async (): Promise<void> => {
      stopped = true;
      clearInterval(timer);
      // A missing server must not delay the stop; the next start copies the rest.
      await withTimeLimit(
        running ?? Promise.resolve(),
        STOP_MS,
        'the stop does not wait for the task any longer',
      ).catch(() => {});
    },
  };
}
