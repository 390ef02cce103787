/**
 * A disk of a few megabytes: a tmpfs on a folder of its own. This requires root. A mount namespace would not, but SQLite
 * resolves the links of /proc by name, and would write outside of the tmpfs.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { messageOf } from '../../../src/errors.ts';
import { makeTempDir, removeTempDir } from '../../support/folder.ts';

export interface SmallDisk {
  readonly folder: string;
  /** Fills all free space. */
  fill(): void;
  /** Frees that space. */
  free(): void;
  release(): void;
}

const mounted = new Set<string>();
const unmount = (folder: string): void => {
  if (!mounted.delete(folder)) return;
  execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
  removeTempDir(folder);
};
process.on('exit', () => {
  for (const folder of [...mounted]) unmount(folder);
});

/** Throws if this machine does not allow it. */
export function smallDisk(megabytes: number): SmallDisk {
  const folder = makeTempDir('disk');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'freshet-faults', folder], { stdio: 'pipe' });
  } catch (cause) {
    removeTempDir(folder);
    throw new Error(`no disk of its own can be mounted: ${messageOf(cause).replaceAll('\n', ' ')}`, { cause });
  }
  mounted.add(folder);
  const filler = `${folder}/filler`;
  return {
    folder,
    fill: () => {
      try {
        // In parts, until no page is free: other processes may write meanwhile.
        for (const size of [1 << 20, 4_096])
          for (
            let { bavail, bsize } = statfsSync(folder);
            bavail * bsize >= size;
            { bavail, bsize } = statfsSync(folder)
          )
            writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
      } catch (err) {
        if ((err as { code?: string }).code !== 'ENOSPC') throw err;
      }
    },
    free: () => rmSync(filler, { force: true }),
    release: () => unmount(folder),
  };
}

/** For `impossible` of a fault. */
export async function noSmallDisk(): Promise<string | undefined> {
  try {
    smallDisk(1).release();
    return undefined;
  } catch (err) {
    return messageOf(err);
  }
}
