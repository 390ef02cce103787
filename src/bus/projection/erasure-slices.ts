/**
 * Runs the slices of erasures between the batches of a loop: those of the rows and those of the state in memory. After each
 * slice the process does other work for as long as the slice took, times the setting. What counts is the processor time,
 * so that a machine with other work does not stretch the pauses as well.
 */
import type { Logger } from 'pino';
import { messageOf } from '../../errors.ts';
import type { AfterCommit, Followers } from './after-commit.ts';
import type { ProjectionStore } from './store.ts';

export interface ErasureSlicesOptions {
  service: string;
  store: Pick<ProjectionStore, 'erasing' | 'eraseSlice'>;
  followers: Followers;
  afterCommit: Pick<AfterCommit, 'eraseSlice' | 'stateFailure'>;
  /** Pause after a slice, as a multiple of the processor time that it took. */
  rest: number;
  /** Milliseconds from a failed slice to the next one. */
  retryMs: number;
  logger: Logger;
  /** The state in memory failed within a slice. */
  onStateFailed: () => void;
  /** A slice took so many seconds. */
  onSlice?: ((seconds: number) => void) | undefined;
}

export interface ErasureSlices {
  /** Begins with the slices if an erasure is under way, unless they run. */
  poll(): void;
  /** Whether an erasure is under way, in the rows or in memory. */
  underWay(): boolean;
  stop(): void;
}

/** Longest pause between two slices, milliseconds. */
const REST_MAX_MS = 1_000;

/** Milliseconds of processor time of this process. */
const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

export function createErasureSlices(options: ErasureSlicesOptions): ErasureSlices {
  const { service, store, followers, afterCommit, rest, retryMs, logger, onStateFailed, onSlice } = options;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let rowsLast = false;
  let begun: number | undefined;

  const ofState = (): boolean => !afterCommit.stateFailure() && followers.state?.erasing?.() === true;
  const underWay = (): boolean => store.erasing() || ofState();

  /** Rows and state take turns, so that neither waits for the other. */
  function slice(): void {
    rowsLast = store.erasing() && !(rowsLast && ofState());
    if (rowsLast) store.eraseSlice();
    else afterCommit.eraseSlice();
  }

  function run(): void {
    timer = undefined;
    if (stopped || !underWay()) return;
    begun ??= performance.now();
    const [started, used] = [performance.now(), processorMs()];
    let pause: number;
    try {
      slice();
      const took = performance.now() - started;
      onSlice?.(took / 1000);
      // Other threads of the process use processor time as well.
      pause = Math.min(REST_MAX_MS, Math.min(took, processorMs() - used) * rest);
    } catch (err) {
      logger.error(
        { err, service, reason: messageOf(err), pause_ms: retryMs },
        'the service could not remove the next rows of a forgotten user; it tries again after the pause',
      );
      pause = retryMs;
    }
    if (afterCommit.stateFailure()) {
      onStateFailed();
      return;
    }
    if (underWay()) {
      timer = setTimeout(run, pause);
      return;
    }
    logger.info(
      { service, seconds: (performance.now() - begun) / 1000 },
      'the service has removed the events of forgotten users',
    );
    begun = undefined;
  }

  return {
    poll: () => {
      if (!stopped && timer === undefined && underWay()) timer = setTimeout(run, 0);
    },
    underWay,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
