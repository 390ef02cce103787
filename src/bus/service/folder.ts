/** The folder of the projections. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DataFolderUnusableError, messageOf } from '../../errors.ts';

export function ensureFolder(folder: string): void {
  try {
    makeFolder(resolve(folder));
  } catch (cause) {
    throw new DataFolderUnusableError(`Freshet cannot use the data folder ${folder}: ${messageOf(cause)}.`, {
      next: 'freshet up --data DIR, with a folder that Freshet may write to',
      details: { folder },
      cause,
    });
  }
}

/** One level at a time: Node's own recursive form never ends on a file system that makes no folders (/proc). */
function makeFolder(folder: string): void {
  if (existsSync(folder) && statSync(folder).isDirectory()) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  mkdirSync(folder);
}
