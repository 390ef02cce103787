import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { cacheFolder } from '../../../scripts/setup/cache.mjs';
import { formatBytes } from '../../../scripts/setup/report.mjs';
import { messageOf } from '../../errors.ts';
import type { DoctorCheck, DoctorProbe } from '../check.ts';

/** Below this a server with a growing log is in danger. */
const LITTLE_SPACE = 1_000_000_000;

/** The folder itself, or the nearest one above it that exists: where it would be made. */
const existing = (folder: string): string => {
  let at = resolve(folder);
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
};

const look = (name: string, folder: string, cost: string, next: string): DoctorCheck => {
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
      cost: 'the log stops taking events when the disk is full',
      next: `free some space, or: ${next}`,
    };
  } catch (err) {
    return { name, state: 'missing', found: `${folder}: ${messageOf(err)}`, cost, next };
  }
};

export const dataFolderProbe: DoctorProbe = {
  required: true,
  run: async ({ data }) =>
    look('data folder', data, 'neither the log nor any state can be kept: nothing runs', 'freshet up --data DIR'),
};

export const cacheFolderProbe: DoctorProbe = {
  required: false,
  run: async ({ env }) =>
    look(
      'cache',
      cacheFolder(env),
      'what is fetched or built cannot be kept: every clone starts from nothing',
      'set FRESHET_CACHE to a folder that can be written',
    ),
};
