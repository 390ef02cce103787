/** A disk of a few megabytes: a tmpfs in a mount namespace of its own, reached through /proc, gone with its holder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { until } from '../../support/wait.ts';

export interface SmallDisk {
  readonly folder: string;
  /** Takes all the room there is. */
  fill(): void;
  /** Gives it back. */
  free(): void;
  release(): void;
}

const holders = new Set<ChildProcess>();
process.on('exit', () => {
  for (const holder of holders) holder.kill('SIGKILL');
});

/** Throws where this machine allows no such thing. */
export async function smallDisk(megabytes: number): Promise<SmallDisk> {
  if (process.platform !== 'linux') throw new Error('it takes Linux');
  const script = `mount -t tmpfs -o size=${megabytes}m freshet /mnt && echo mounted && exec sleep 3600`;
  const holder = spawn('unshare', ['-rm', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  holders.add(holder);
  let said = '';
  let over = false;
  for (const stream of [holder.stdout, holder.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  holder.once('error', (err) => {
    said += err.message;
    over = true;
  });
  holder.once('exit', () => {
    over = true;
  });
  await until(() => over || said.includes('mounted'), { within: 5_000 });
  const folder = `/proc/${holder.pid}/root/mnt`;
  if (over || !existsSync(folder)) throw new Error(`no disk of its own can be mounted here: ${said.trim()}`);
  const filler = `${folder}/filler`;
  return {
    folder,
    fill: () => {
      // Until not one page is left: a file that is as large as what was free, then page by page.
      const { bavail, bsize } = statfsSync(folder);
      try {
        writeFileSync(filler, Buffer.alloc(bavail * bsize));
        for (;;) writeFileSync(filler, Buffer.alloc(4_096), { flag: 'a' });
      } catch (err) {
        if ((err as { code?: string }).code !== 'ENOSPC') throw err;
      }
    },
    free: () => rmSync(filler, { force: true }),
    release: () => {
      holders.delete(holder);
      holder.kill('SIGKILL');
    },
  };
}

/** For {@link Fault.impossible}. */
export async function noSmallDisk(): Promise<string | undefined> {
  try {
    const disk = await smallDisk(1);
    // Some sandboxes let a namespace be made whose files nobody else sees.
    writeFileSync(`${disk.folder}/probe`, 'x');
    const found = readFileSync(`${disk.folder}/probe`, 'utf8') === 'x';
    disk.release();
    return found ? undefined : 'files of a mount namespace are not to be seen from outside';
  } catch (err) {
    return err instanceof Error ? err.message : String(err);
  }
}
