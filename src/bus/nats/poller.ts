/** A task that a process repeats at an interval. */
import { createTimeLimit } from './time-limit.ts';

export interface PollerOptions {
  /** Milliseconds from one poll to the next. A poll that is due while the task runs is left out. */
  everyMs: number;
  /** Whether the first poll is at the start; otherwise it is after one interval. */
  atStart?: boolean;
  /** The task. */
  run: () => void | Promise<void>;
  /** Gets what the task throws, or rejects with. Without it the task must not fail: its failure is an unhandled rejection. */
  onError?: (err: unknown) => void;
  /** Most milliseconds that a stop waits for the run under way; left out: until it has ended. */
  stopMs?: number;
}

export interface Poller {
  /** Polls from now on. The timer does not keep the process alive. */
  start(): void;
  /** Polls now, unless the task runs already or the poller has stopped. Resolves when that run has ended. */
  poll(): Promise<void>;
  /** Whether {@link stop} was called, so that a long run can end early. */
  readonly stopped: boolean;
  /** Polls no more; resolves when the task no longer runs, or after `stopMs`. Does not throw. The task itself must not wait for it. */
  stop(): Promise<void>;
}

/** Repeats a task, and never runs it twice at the same time. */
export function createPoller({ everyMs, atStart = false, run, onError, stopMs }: PollerOptions): Poller {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let stopped = false;

  async function attempt(): Promise<void> {
    try {
      await run();
    } catch (err) {
      if (!onError) throw err;
      onError(err);
    }
  }

  function poll(): Promise<void> {
    if (stopped) return Promise.resolve();
    running ??= attempt().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    start: () => {
      if (stopped || timer) return;
      timer = setInterval(() => void poll(), everyMs);
      timer.unref();
      if (atStart) void poll();
    },
    poll,
    get stopped() {
      return stopped;
    },
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      const ended = running?.catch(() => {});
      if (!ended || stopMs === undefined) return ended;
      const limit = createTimeLimit(stopMs);
      await limit.race(ended);
      limit.end();
    },
  };
}
