/**
 * The named steps of the protocols that change several files. A process can end at each of them, and the next one must
 * find files that it can go on with. A test observes them, to stop the process there.
 */

/** The steps of a cut-over, in order. */
export const CUT_OVER_STEPS = [
  'rebuild-settled',
  'old-next-removed',
  'rebuild-renamed',
  'next-settled',
  'marks-copied',
  'inputs-copied',
  'marks-committed',
  'old-log-removed',
  'next-renamed',
] as const;

export type FileStep = (typeof CUT_OVER_STEPS)[number];

let observer: ((step: FileStep) => void) | undefined;

/** Calls a function at each step from now on; undefined ends that. */
export const observeFileSteps = (observe: ((step: FileStep) => void) | undefined): void => {
  observer = observe;
};

/** A protocol has taken a step. */
export const stepTaken = (step: FileStep): void => observer?.(step);
