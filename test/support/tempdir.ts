/** Folders that a test may fill; they go with the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new folder below the system's; the caller removes it. */
export const makeTempDir = (name = 'test'): string => mkdtempSync(join(tmpdir(), `freshet-${name}-`));

export const removeTempDir = (folder: string): void =>
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });

/** A new folder that is removed when the running test ends. Only inside of a test. */
export function tempDir(name?: string): string {
  const folder = makeTempDir(name);
  onTestFinished(() => removeTempDir(folder));
  return folder;
}
