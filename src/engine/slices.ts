/** Takes the steps of long work in slices, between requests and events. */
import type { Steps } from './model/mod.ts';

export interface SliceOptions {
  /** Milliseconds of a slice. */
  sliceMs: number;
  /** Waits between two slices; `took`: milliseconds that the last one took. */
  rest: (took: number) => Promise<void>;
}

/** The result, and how many milliseconds the slices took without the rests. */
export interface Sliced<T> {
  value: T;
  workMs: number;
}

/** Undefined if `goOn` says no between two slices. */
export async function inSlices<T>(
  steps: Steps<T>,
  { sliceMs, rest }: SliceOptions,
  goOn: () => boolean,
): Promise<Sliced<T> | undefined> {
  let workMs = 0;
  while (goOn()) {
    const started = performance.now();
    let took = 0;
    while (took < sliceMs) {
      const step = steps.next();
      took = performance.now() - started;
      if (step.done) return { value: step.value, workMs: workMs + took };
    }
    workMs += took;
    await rest(took);
  }
  return undefined;
}

export const allInSlices = async <T>(steps: Steps<T>, options: SliceOptions): Promise<Sliced<T>> =>
  (await inSlices(steps, options, () => true)) as Sliced<T>;

/** The next turn of the event loop: requests that have arrived are answered before it. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
