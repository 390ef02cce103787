import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { cacheFolder } from '../../../scripts/setup/cache.mjs';
import { formatBytes } from '../../../scripts/setup/report.mjs';
import { messageOf } from '../../errors.ts';
import type { DoctorCheck, DoctorProbe } from '../check.ts';

/** Free bytes below which a growing log may soon fill the disk. */
const LITTLE_SPACE = 1_000_000_000;

/** The folder itself, or the nearest existing folder above it. */
const existing = (folder: string): string => {
  let at = resolve(folder);
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
};

const checkFolder = (name: string, folder: string, cost: string, next: string): DoctorCheck => {
  const at = existing(folder);
  try {
    const probe = mkdtempSync(join(at, '.freshet-doctor-'));
    try {
      writeFileSync(join(probe, 'probe'), 'x');
    } finally {
      rmSync(probe, { recursive: true, force: true });
    }
    const { bavail, bsize } = statfsSync(at);
    const free = bavail * bsize;
    const found = `${folder}, writable, ${formatBytes(free)} free`;
    if (free >= LITTLE_SPACE) return { name, state: 'ok', found };
    return {
      name,
      state: 'degraded',
      found,
      cost: 'the log accepts no more events once the disk is full',
      next: `free some space, or: ${next}`,
    };
  } catch (err) {
    return { name, state: 'missing', found: `${folder}: ${messageOf(err)}`, cost, next };
  }
};

export const dataFolderProbe: DoctorProbe = {
  required: true,
  run: async ({ data }) =>
    checkFolder(
      'data folder',
      data,
      'Freshet does not run: it cannot store the log and its state',
      'freshet up --data DIR',
    ),
};

export const cacheFolderProbe: DoctorProbe = {
  required: false,
  run: async ({ env }) =>
    checkFolder(
      'cache',
      cacheFolder(env),
      'every clone downloads and builds everything again',
      'set FRESHET_CACHE to a writable folder',
    ),
};
