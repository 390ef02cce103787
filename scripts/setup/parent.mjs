// Ends this process when the npm that started it ends. npm runs a command in a shell, and neither passes every signal on:
// without this, `npm start` that somebody stops would leave the system running.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Milliseconds between two looks at the parent. */
const LOOK_MS = 500;
const SHELL = /^-?(sh|dash|bash|ash|zsh|ksh)$/;

/**
 * The parent of a process and the name of its program; undefined if the process is gone or the system does not say.
 *
 * @param {number} pid
 * @returns {{ parent: number, name: string } | undefined}
 */
const look = (pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, name = '', parent = ''] = /^\d+ \((.*)\) \S (\d+) /s.exec(stat) ?? [];
    return { parent: Number(parent), name };
  } catch {
    try {
      const line = execFileSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const [, parent, path = ''] = /^\s*(\d+)\s+(.*?)\s*$/.exec(line) ?? [];
      return parent === undefined ? undefined : { parent: Number(parent), name: path.split('/').at(-1) ?? '' };
    } catch {
      return undefined;
    }
  }
};

const isAlive = (/** @type {number} */ pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return /** @type {NodeJS.ErrnoException} */ (err).code === 'EPERM';
  }
};

/**
 * Sends SIGTERM to this process once npm is gone. Does nothing in a process that npm did not start.
 *
 * @param {NodeJS.ProcessEnv} [env]
 */
export const endWithNpm = (env = process.env) => {
  // A service's channel to `freshet up` says when that ends, and services end what they have started.
  if (env.npm_command === undefined || env.FRESHET_CHILD || process.platform === 'win32') return;
  const parent = process.ppid;
  // A shell that has not replaced itself by this process outlives npm.
  let npm = parent;
  for (let found = look(npm); found && SHELL.test(found.name) && found.parent > 1; found = look(npm))
    npm = found.parent;
  const timer = setInterval(() => {
    if (process.ppid === parent && isAlive(npm)) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_MS);
  timer.unref();
};
