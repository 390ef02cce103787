/** Takes the steps of long work in slices, between requests and events. */
import type { Steps } from './model/mod.ts';

export interface SliceOptions {
  /** Milliseconds of a slice. */
  sliceMs: number;
  /** Waits between two slices; `took`: milliseconds that the last one took. */
  rest: (took: number) => Promise<void>;
}

/** Undefined if `goOn` says no between two slices. */
export async function inSlices<T>(
  steps: Steps<T>,
  { sliceMs, rest }: SliceOptions,
  goOn: () => boolean,
): Promise<{ value: T } | undefined> {
  while (goOn()) {
    const started = performance.now();
    let took = 0;
    while (took < sliceMs) {
      const step = steps.next();
      if (step.done) return { value: step.value };
      took = performance.now() - started;
    }
    await rest(took);
  }
  return undefined;
}

export async function allInSlices<T>(steps: Steps<T>, options: SliceOptions): Promise<T> {
  const { value } = (await inSlices(steps, options, () => true)) as { value: T };
  return value;
}

/** The next turn of the event loop: requests that have arrived are answered before it. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
