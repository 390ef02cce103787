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

/** The steps of a backup, in order. The folder has its own name only after the last one. */
export const BACKUP_STEPS = [
  'partial-created',
  'log-archived',
  'streams-archived',
  'manifest-written',
  'backup-renamed',
] as const;

/** The steps of a restore into a server, in order. Services refuse to start from `restore-marked` to `mark-removed`. */
export const RESTORE_STEPS = [
  'ledger-restored',
  'restore-marked',
  'streams-removed',
  'streams-restored',
  'restore-recorded',
  'erasures-applied',
  'mark-removed',
] as const;

export type FileStep = (typeof CUT_OVER_STEPS)[number] | (typeof BACKUP_STEPS)[number] | (typeof RESTORE_STEPS)[number];

let observer: ((step: FileStep) => void) | undefined;

/** Calls a function at each step from now on; undefined ends that. */
export const observeFileSteps = (observe: ((step: FileStep) => void) | undefined): void => {
  observer = observe;
};

/** A protocol has taken a step. */
export const stepTaken = (step: FileStep): void => observer?.(step);
