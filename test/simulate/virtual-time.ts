/**
 * Time that passes only when nothing else is left to do: timers, immediates and both clocks of the process, in the place
 * of the real ones for as long as a simulation runs. What happens at one moment happens in the order in which it was
 * asked for, so that a run is a function of its seed.
 */
export interface VirtualTime {
  /** Milliseconds since it began. */
  now(): number;
  /** Resolves after so many virtual milliseconds. */
  sleep(milliseconds: number): Promise<void>;
}

interface Timer {
  id: number;
  at: number;
  every: number | undefined;
  call: () => void;
}

/** 2026-01-01. */
const BEGIN = Date.UTC(2026, 0, 1);

/** Runs `task` in virtual time; throws where nothing is left to happen, or where `limit` virtual milliseconds are over. */
export async function inVirtualTime<T>(task: (time: VirtualTime) => Promise<T>, limit = 3_600_000): Promise<T> {
  const real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    setImmediate: globalThis.setImmediate,
    clearImmediate: globalThis.clearImmediate,
    dateNow: Date.now,
    performanceNow: performance.now,
  };
  let now = 0;
  let ids = 0;
  const timers = new Map<number, Timer>();
  const add = (delay: number, call: () => void, every?: number): { unref(): unknown; ref(): unknown; id: number } => {
    const id = ++ids;
    timers.set(id, { id, at: now + Math.max(0, delay), every, call });
    const handle = { id, ref: () => handle, unref: () => handle };
    return handle;
  };
  const clear = (handle: unknown): void => void timers.delete((handle as { id?: number } | undefined)?.id ?? 0);
  const put = (name: string, value: unknown): void => void Object.assign(globalThis, { [name]: value });
  put('setTimeout', (call: () => void, delay = 0) => add(Math.max(1, delay), call));
  put('setInterval', (call: () => void, delay = 0) => add(Math.max(1, delay), call, Math.max(1, delay)));
  put('setImmediate', (call: () => void) => add(0, call));
  put('clearTimeout', clear);
  put('clearInterval', clear);
  // Node 20 takes any object for an immediate of its own, and then runs no immediate any more.
  put('clearImmediate', clear);
  Date.now = () => BEGIN + Math.floor(now);
  performance.now = () => now;

  /** All that follows without any time passing: no promise of the simulation waits for anything but others and timers. */
  const settled = (): Promise<void> => new Promise((resolve) => real.setImmediate(resolve));

  try {
    let outcome: { value: T } | { error: unknown } | undefined;
    task({
      now: () => now,
      sleep: (milliseconds) => new Promise((resolve) => add(Math.max(1, milliseconds), resolve)),
    }).then(
      (value) => {
        outcome = { value };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    for (;;) {
      await settled();
      if (outcome) break;
      let next: Timer | undefined;
      for (const timer of timers.values())
        if (!next || timer.at < next.at || (timer.at === next.at && timer.id < next.id)) next = timer;
      if (!next) throw new Error('nothing is left that could happen, and it has not come to an end');
      now = next.at;
      if (now > limit) throw new Error(`no end after ${limit / 1_000} virtual seconds`);
      if (next.every === undefined) timers.delete(next.id);
      else next.at = now + next.every;
      next.call();
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  } finally {
    put('setTimeout', real.setTimeout);
    put('setInterval', real.setInterval);
    put('setImmediate', real.setImmediate);
    put('clearTimeout', real.clearTimeout);
    put('clearInterval', real.clearInterval);
    put('clearImmediate', real.clearImmediate);
    Date.now = real.dateNow;
    performance.now = real.performanceNow;
  }
}
