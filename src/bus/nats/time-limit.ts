/** Waits with a time limit. */

/** The result of a wait that ran into its time limit. */
export const LATE = Symbol('late');

/** A time limit that several waits share. */
export interface TimeLimit {
  /** Whether the time is up. */
  readonly isUp: boolean;
  /** The result of the promise, or `LATE` if the time is up first. Rejects as the promise does. */
  race<T>(promise: Promise<T>): Promise<T | typeof LATE>;
  /** Stops the timer. Call it in any case, so that the timer does not keep the process alive. */
  end(): void;
}

/** @param ms milliseconds from now */
export function createTimeLimit(ms: number): TimeLimit {
  let isUp = false;
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => {
      isUp = true;
      resolve(LATE);
    }, ms);
  });
  return {
    get isUp() {
      return isUp;
    },
    race: (promise) => Promise.race([promise, timeUp]),
    end: () => clearTimeout(timer),
  };
}

/** The result of the promise. Throws `late`, or an error with this message, if the time is up first. */
export async function withTimeLimit<T>(promise: Promise<T>, ms: number, late: string | (() => Error)): Promise<T> {
  const limit = createTimeLimit(ms);
  try {
    const result = await limit.race(promise);
    if (result === LATE) throw typeof late === 'string' ? new Error(late) : late();
    return result;
  } finally {
    limit.end();
  }
}
