/** Temporary folders for tests and benchmarks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder in the system's temporary folder; the caller removes it. */
export const makeTempDir = (name = 'test'): string => mkdtempSync(join(tmpdir(), `freshet-${name}-`));

export const removeTempDir = (folder: string): void =>
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
