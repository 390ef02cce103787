/**
 * The named steps of the protocols that change several files, streams or buckets. A process can end at each of them, and the next one must
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

/** The steps of a rebuild before it requests its cut-over, in order. */
export const REBUILD_STEPS = ['rebuild-opened', 'rebuild-under-way', 'rebuild-folded', 'rebuild-closed'] as const;

/** The steps of the copy after an erasure before and after it requests its cut-over, in order. */
export const COMPACTION_STEPS = ['rebuild-removed', 'copy-made', 'copy-requested', 'copy-handed-over'] as const;

/** The steps of an erasure, in order. Some are taken once for each id. */
export const ERASURE_STEPS = [
  'erasure-noted',
  'erasure-gathered',
  'erasure-recorded',
  'erasure-record-noted',
  'erasure-events-purged',
  'erasure-purged',
  'erasure-folding',
  'erasure-purged-again',
  'erasure-done',
] as const;

export type FileStep =
  | (typeof CUT_OVER_STEPS)[number]
  | (typeof BACKUP_STEPS)[number]
  | (typeof RESTORE_STEPS)[number]
  | (typeof REBUILD_STEPS)[number]
  | (typeof COMPACTION_STEPS)[number]
  | (typeof ERASURE_STEPS)[number];

let observer: ((step: string) => void) | undefined;

/** Calls a function at each step from now on; undefined ends that. */
export const observeFileSteps = (observe: ((step: string) => void) | undefined): void => {
  observer = observe;
};

/** A protocol has taken a step. A room with protocols of its own lists their steps, and passes only those. */
export const takeStep = (step: string): void => observer?.(step);

export const stepTaken: (step: FileStep) => void = takeStep;
