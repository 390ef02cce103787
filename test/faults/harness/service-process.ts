/** One service in a process of its own. The harness restarts it as `freshet up` does, and receives its states over IPC. */
import { type ChildProcess, spawn } from 'node:child_process';
import { ENTRY } from '../../../src/entry.ts';
import type { ChildMessage } from '../../../src/up/up.ts';
import { until } from '../../support/wait.ts';

export interface ServiceState {
  state: string;
  seq: number;
  lag: number;
}

export interface ServiceProcess {
  readonly name: string;
  readonly pid: number | undefined;
  /** The last state that the running process reported; undefined until its first report. */
  readonly state: ServiceState | undefined;
  /** How often it ended although the harness did not stop it. */
  readonly ends: number;
  /** Codes of the errors with which processes ended. */
  readonly failures: readonly string[];
  /** The newest lines of its output. */
  readonly said: readonly string[];
  /** Resolves when it reports that it has started. */
  start(): Promise<void>;
  /** Sends SIGKILL; resolves when the process has ended. The harness restarts it unless `stay`. */
  kill(stay?: boolean): Promise<void>;
  /** Sends SIGTERM; resolves with the exit code and the milliseconds until the end. */
  stop(): Promise<{ code: number | null; ms: number }>;
  pause(): void;
  resume(): void;
}

/** Milliseconds until the harness restarts a process that ended: the first pause of `up`. */
const RESTART_MS = 100;
/** Lines that the harness keeps. */
const KEPT = 200;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface ServiceProcessOptions {
  name: string;
  data: string;
  nats: () => string;
  env?: NodeJS.ProcessEnv;
  args?: readonly string[];
}

export function createServiceProcess({ name, data, nats, env = {}, args = [] }: ServiceProcessOptions): ServiceProcess {
  let child: ChildProcess | undefined;
  let state: ServiceState | undefined;
  let started = false;
  let wanted = false;
  let ends = 0;
  let timer: NodeJS.Timeout | undefined;
  const failures: string[] = [];
  const said: string[] = [];

  function launch(): void {
    const { NATS_URL: _external, FRESHET_CONFIG: _settings, ...rest } = process.env;
    const one = spawn(
      process.execPath,
      [ENTRY, 'service', name, '--data', data, '--nats', nats(), '--health-port', '0', ...args],
      { env: { ...rest, FRESHET_CHILD: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
    );
    child = one;
    state = undefined;
    started = false;
    running.add(one);
    for (const stream of [one.stdout, one.stderr])
      stream?.on('data', (chunk) => {
        said.push(...String(chunk).trimEnd().split('\n'));
        if (said.length > KEPT) said.splice(0, said.length - KEPT);
      });
    one.on('message', (message: ChildMessage) => {
      if (one !== child) return;
      if (message.type === 'started') started = true;
      else if (message.type === 'state') state = message;
      else if (message.type === 'failed') failures.push(message.code);
    });
    one.once('exit', () => {
      running.delete(one);
      if (one !== child) return;
      child = undefined;
      state = undefined;
      if (!wanted) return;
      ends++;
      timer = setTimeout(launch, RESTART_MS);
    });
  }

  const gone = (one: ChildProcess): Promise<number | null> =>
    one.exitCode !== null || one.signalCode !== null
      ? Promise.resolve(one.exitCode)
      : new Promise((resolve) => one.once('exit', (code) => resolve(code)));

  return {
    name,
    get pid() {
      return child?.pid;
    },
    get state() {
      return state;
    },
    get ends() {
      return ends;
    },
    failures,
    said,
    start: async () => {
      wanted = true;
      if (!child) launch();
      await until(() => started, { within: 60_000, what: `${name} has started; it said ${said.slice(-5).join('\n')}` });
    },
    kill: async (stay = false) => {
      const one = child;
      if (stay) wanted = false;
      clearTimeout(timer);
      if (!one) {
        if (wanted) launch();
        return;
      }
      const end = gone(one);
      one.kill('SIGKILL');
      await end;
    },
    stop: async () => {
      wanted = false;
      clearTimeout(timer);
      const one = child;
      if (!one) return { code: 0, ms: 0 };
      const asked = performance.now();
      const end = gone(one);
      one.kill('SIGCONT');
      one.kill('SIGTERM');
      const code = await end;
      return { code, ms: performance.now() - asked };
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
  };
}
