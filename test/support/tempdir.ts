/** Folders for tests, which vitest removes when the test ends. */
import { onTestFinished } from 'vitest';
import { makeTempDir, removeTempDir } from './folder.ts';

export { makeTempDir, removeTempDir };

/** A new folder, which vitest removes when the running test ends. Call it only inside a test. */
export function tempDir(name?: string): string {
  const folder = makeTempDir(name);
  onTestFinished(() => removeTempDir(folder));
  return folder;
}
