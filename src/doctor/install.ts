import { createReporter, type Reporter } from '../../scripts/setup/report.mjs';
import * as setup from '../../scripts/setup/tensorflow.mjs';
import { ROOT } from './check.ts';
import { fromSetupError } from './setup-error.ts';

export interface InstalledTensorflow {
  /** Version of @tensorflow/tfjs-node. */
  version: string;
  /** Version of libtensorflow. */
  library: string;
  /** `present`: it worked already; `cache`: an earlier clone had built it. */
  how: 'present' | 'cache' | 'built';
}

/** Where progress goes: lines for people, on stderr unless given. */
export type InstallProgress = Reporter | ((line: string) => void);

const reporterOf = (progress: InstallProgress | undefined): Reporter => {
  if (progress === undefined) return createReporter();
  if (typeof progress !== 'function') return progress;
  return {
    log: progress,
    step: async (what, run) => {
      progress(`${what} ...`);
      return run(() => {});
    },
  };
};

/**
 * Installs TensorFlow's native library into this clone: 207 MB to download, 450 MB on disk, half a minute; from the
 * project's cache a few seconds. Ends only after matrices have been multiplied with it.
 *
 * @throws {FreshetError} `FRESHET_SETUP_TENSORFLOW` with what to do, or `ChecksumMismatchError`
 */
export const installTensorflow = async (
  progress?: InstallProgress,
  { root = ROOT, env = process.env }: { root?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<InstalledTensorflow> => {
  try {
    return await setup.installTensorflow({ root, env, reporter: reporterOf(progress) });
  } catch (err) {
    throw fromSetupError(err);
  }
};
