/** Runs child processes with a time limit, and keeps their output for error messages. */
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Runs a program to its end.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs: number, timeoutName: string }} options `timeoutName` is
 *   the environment variable that changes the limit. The error names it.
 * @returns {Promise<{ stdout: string, stderr: string }>}
 */
export const run = (command, args, { cwd, env = process.env, timeoutMs, timeoutName }) =>
  new Promise((resolve, reject) => {
    // On Windows, npm and similar programs are .cmd files, which only a shell can start.
    const shell = process.platform === 'win32' && !/\.exe$/i.test(command);
    const own = process.platform !== 'win32';
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], shell, detached: own });
    let stdout = '';
    let stderr = '';
    let late = false;
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    // Kills the whole group, because children of pip and npm would keep the pipes open.
    const end = () => {
      try {
        if (own && child.pid) process.kill(-child.pid, 'SIGKILL');
        else child.kill('SIGKILL');
      } catch {
        // The process has ended meanwhile.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      end();
    }, timeoutMs);
    process.once('exit', end);
    // A process in its own group does not receive Ctrl-C of the terminal, so this process passes it on.
    const interrupted = () => {
      end();
      process.exit(130);
    };
    process.once('SIGINT', interrupted);
    process.once('SIGTERM', interrupted);
    process.once('SIGHUP', interrupted);
    const done = () => {
      clearTimeout(timer);
      process.removeListener('exit', end);
      process.removeListener('SIGINT', interrupted);
      process.removeListener('SIGTERM', interrupted);
      process.removeListener('SIGHUP', interrupted);
    };
    child.on('error', (err) => {
      done();
      reject(err);
    });
    child.on('close', (code, signal) => {
      done();
      if (code === 0) return resolve({ stdout, stderr });
      const why = late
        ? `not finished after ${timeoutMs} ms (${timeoutName})`
        : signal
          ? `ended by signal ${signal}`
          : `exit code ${code}`;
      const failure = Object.assign(new Error(`${why}${lastLine(stderr || stdout)}`), {
        output: `${stdout}\n${stderr}`,
      });
      reject(failure);
    });
  });

/** The line of a program's output that most probably describes the error. */
const lastLine = (/** @type {string} */ output) => {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !/complete log of this run/.test(line));
  const found = lines.findLast((line) => /error|unable|could not|cannot|not found/i.test(line));
  const line = found ?? lines.findLast((text) => text !== '');
  return line ? `: ${line.length > 200 ? `${line.slice(0, 200)}...` : line}` : '';
};

/**
 * The first program with this name on the search path.
 *
 * @param {string} name
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | undefined}
 */
export const onPath = (name, env = process.env) => {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  for (const folder of (env.PATH ?? env.Path ?? '').split(delimiter)) {
    if (folder === '') continue;
    for (const ending of endings) {
      const path = join(folder, name + ending);
      if (isProgram(path)) return path;
    }
  }
  return undefined;
};

/** @param {string} path */
export const isProgram = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

/**
 * A time limit from the environment, in milliseconds.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} name
 * @param {number} fallback
 */
export const limitFrom = (env, name, fallback) => {
  const value = Number(env[name]);
  return Number.isFinite(value) && value > 0 ? value : fallback;
};

/** The first Python 3 with pip, or the reason why it is missing. */
export const findPip = async (/** @type {NodeJS.ProcessEnv} */ env) => {
  let reason = 'no python3 on PATH';
  for (const name of process.platform === 'win32' ? ['python', 'python3', 'py'] : ['python3', 'python']) {
    const python = onPath(name, env);
    if (!python) continue;
    try {
      await run(python, ['-m', 'pip', '--version'], { env, timeoutMs: 20_000, timeoutName: 'fixed' });
      return { python };
    } catch {
      reason = `${python} has no pip`;
    }
  }
  return { reason };
};
