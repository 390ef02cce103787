import { createReporter, type Reporter } from '../../scripts/setup/report.mjs';
import * as setup from '../../scripts/setup/tensorflow.mjs';
import { ROOT } from './check.ts';
import { fromSetupError } from './setup-error.ts';

export interface InstalledTensorflow {
  /** Version of @tensorflow/tfjs-node. */
  version: string;
  /** Version of libtensorflow. */
  library: string;
  /** `present`: it was installed already. `cache`: an earlier clone had built it. */
  how: 'present' | 'cache' | 'built';
}

/** Receives the progress, as lines of text. Default: standard error. */
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
 * Installs TensorFlow's native library into this clone: a download of 207 MB, 450 MB on disk, half a minute; from the
 * project's cache a few seconds. It multiplies two matrices with the library before it returns.
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
