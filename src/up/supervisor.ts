/** Supervises a child process: restarts it with back-off when it ends, and stops it on request. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Logger } from 'pino';
import { tied, UNTIE } from './tied.ts';

export interface SupervisedOptions {
  name: string;
  command: string;
  /** Asked at each start. */
  args: () => readonly string[];
  env?: NodeJS.ProcessEnv;
  /** File for the output of the process. */
  logFile: string;
  /** Size in bytes above which a start rotates the log file. */
  logBytes: number;
  /** Whether the process sends messages over IPC. */
  ipc: boolean;
  /** Whether signals of the terminal do not reach the process. */
  detached?: boolean;
  /** Whether the program does not notice that this process is gone, and a tie must end it (`tied.ts`). */
  tie?: boolean;
  restartMinMs: number;
  restartMaxMs: number;
  stableMs: number;
  stopMs: number;
  logger: Logger;
  onMessage?: (message: unknown) => void;
  /** Called with each line that the process writes. */
  onLine?: (line: string) => void;
  onStart?: (pid: number) => void;
  /** Called when `stop` begins. */
  onStop?: () => void;
  /** Called when the process ends unexpectedly. */
  onExit?: (reason: string) => void;
}

export interface Supervised {
  readonly name: string;
  readonly pid: number | undefined;
  readonly restarts: number;
  start(): void;
  stop(): Promise<void>;
}

export function supervise(options: SupervisedOptions): Supervised {
  const {
    name,
    command,
    args,
    env = process.env,
    logFile,
    logBytes,
    ipc,
    detached = false,
    tie = false,
    restartMinMs,
    restartMaxMs,
    stableMs,
    stopMs,
    logger,
  } = options;
  let child: ChildProcess | undefined;
  let restarts = 0;
  let pause = restartMinMs;
  let stopping = false;
  let startedAt = 0;
  let timer: NodeJS.Timeout | undefined;
  const log = openLog(logFile, logBytes);
  // The last lines, for an unexpected end.
  let tail: string[] = [];

  function start(): void {
    startedAt = performance.now();
    const run = tie ? tied(command, args()) : { command, args: args() };
    const input = tie ? 'pipe' : 'ignore';
    const started = spawn(run.command, run.args, {
      env,
      detached,
      stdio: ipc ? [input, 'pipe', 'pipe', 'ipc'] : [input, 'pipe', 'pipe'],
    });
    child = started;
    // The other end is closed as soon as the tie has ended.
    started.stdin?.on('error', () => {});
    started.once('exit', () => started.stdin?.end(UNTIE));
    for (const stream of [started.stdout, started.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`);
        tail = [...tail.slice(-9), line];
        options.onLine?.(line);
      });
    }
    if (started.pid !== undefined) options.onStart?.(started.pid);
    started.on('message', (message) => options.onMessage?.(message));
    started.once('error', (err) => ended(started, `it did not start: ${err.message}`));
    started.once('exit', (code, signal) => ended(started, signal ? `signal ${signal} ended it` : `exit code ${code}`));
  }

  function ended(which: ChildProcess, reason: string): void {
    if (which !== child) return;
    child = undefined;
    if (stopping) return;
    if (performance.now() - startedAt >= stableMs) pause = restartMinMs;
    restarts++;
    logger.warn({ name, reason, pause_ms: pause, log: logFile }, 'a process ended; freshet up restarts it');
    options.onExit?.(reason);
    timer = setTimeout(start, pause);
    pause = Math.min(pause * 2, restartMaxMs);
  }

  async function stop(): Promise<void> {
    stopping = true;
    options.onStop?.();
    clearTimeout(timer);
    const running = child;
    if (running && running.exitCode === null && running.signalCode === null) {
      const gone = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      running.kill('SIGTERM');
      const killer = setTimeout(() => {
        logger.warn({ name, waited_ms: stopMs }, 'a process did not end in time; freshet up kills it');
        running.kill('SIGKILL');
      }, stopMs);
      await gone;
      clearTimeout(killer);
    }
    log.end();
  }

  return {
    name,
    get pid() {
      return child?.pid;
    },
    get restarts() {
      return restarts;
    },
    start,
    stop,
  };
}

function openLog(file: string, bytes: number): WriteStream {
  if (existsSync(file) && statSync(file).size > bytes) renameSync(file, `${file}.1`);
  const log = createWriteStream(file, { flags: 'a' });
  // On a full disk the log file loses lines. The process must not end because of it.
  log.on('error', () => {});
  return log;
}
