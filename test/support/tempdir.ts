/** Folders that a test may fill; they go with the test. */
import { onTestFinished } from 'vitest';
import { makeTempDir, removeTempDir } from './folder.ts';

export { makeTempDir, removeTempDir };

/** A new folder that is removed when the running test ends. Only inside of a test. */
export function tempDir(name?: string): string {
  const folder = makeTempDir(name);
  onTestFinished(() => removeTempDir(folder));
  return folder;
}
