/** A task that runs at each poll, and whenever its owner asks. */
import { withTimeLimit } from '../../bus/nats/time-limit.ts';

/** Milliseconds that a stop waits for the run that is under way. */
const STOP_MS = 2_000;

/** Carries a task out at each poll, and never two at a time. */
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
      // A server that is gone must not hold up the end; what was not copied is copied by the next start.
      await withTimeLimit(running ?? Promise.resolve(), STOP_MS, 'it goes on without').catch(() => {});
    },
  };
}
