/** Folders for tests and for what is run beside them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder below the system's; the caller removes it. */
export const makeTempDir = (name = 'test'): string => mkdtempSync(join(tmpdir(), `freshet-${name}-`));

export const removeTempDir = (folder: string): void =>
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
