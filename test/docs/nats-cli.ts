/** The `nats` tool: on PATH, where Go puts it, in the cache, or installed there if Go is at hand. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../scripts/setup/cache.mjs';
import { onPath } from '../../scripts/setup/process.mjs';

const NAME = process.platform === 'win32' ? 'nats.exe' : 'nats';
const PACKAGE = 'github.com/nats-io/natscli/nats@v0.5.1';
/** Milliseconds that building it may take: a minute where nothing is cached. */
const INSTALL_MS = 180_000;

/** Folder that holds the tool, or the reason why it is missing. */
export async function findNatsCli(): Promise<{ folder: string } | { missing: string }> {
  const cached = join(cacheFolder(), 'nats-cli');
  const known = [
    ...(process.env.PATH ?? '').split(delimiter),
    process.env.GOBIN,
    process.env.GOPATH && join(process.env.GOPATH, 'bin'),
    join(homedir(), 'go', 'bin'),
    cached,
  ].filter((folder): folder is string => Boolean(folder));
  for (const folder of known) if (existsSync(join(folder, NAME))) return { folder };
  const go = onPath('go', process.env);
  if (!go) return { missing: `there is neither nats nor go on this machine; go install ${PACKAGE}` };
  mkdirSync(cached, { recursive: true });
  try {
    await promisify(execFile)(go, ['install', PACKAGE], {
      env: { ...process.env, GOBIN: cached },
      timeout: INSTALL_MS,
    });
    return { folder: cached };
  } catch (err) {
    return { missing: `go install ${PACKAGE} failed: ${(err as Error).message.slice(0, 300)}` };
  }
}
