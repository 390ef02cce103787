/** `up.json` in the data folder: what a running `freshet up` tells other commands about itself. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Default data folder, in the current folder. */
export const DATA_FOLDER = '.freshet';

export interface RuntimeProcess {
  pid: number;
  /** Address of health and metrics. */
  health?: string;
  restarts: number;
}

export interface Runtime {
  pid: number;
  /** Address of nats-server, without user and password. */
  nats: string;
  /** File of the operator's credentials for nats-server, and of its certificate authority. */
  credentials?: string;
  ca?: string;
  http?: string;
  data: string;
  /** Pid of the embedded nats-server, if there is one. */
  nats_pid?: number;
  processes: Record<string, RuntimeProcess>;
}

const fileOf = (data: string): string => join(data, 'up.json');

export function writeRuntime(data: string, runtime: Runtime): void {
  const file = fileOf(data);
  writeFileSync(`${file}.new`, `${JSON.stringify(runtime, undefined, 2)}\n`);
  renameSync(`${file}.new`, file);
}

export const removeRuntime = (data: string): void => rmSync(fileOf(data), { force: true });

/** The `freshet up` that runs on this folder, or undefined. */
export function readRuntime(data: string): Runtime | undefined {
  try {
    const runtime = JSON.parse(readFileSync(fileOf(data), 'utf8')) as Runtime;
    return isAlive(runtime.pid) ? runtime : undefined;
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EPERM';
  }
}
