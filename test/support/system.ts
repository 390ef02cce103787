/** A whole system as a user starts it: `freshet up` in a process of its own, on free ports and a temporary folder. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import type { NatsConnection } from 'nats';
import { expect } from 'vitest';
import { connect } from '../../src/bus/nats/connection.ts';
import { type CallOptions, call, type Json } from '../../src/bus/nats/micro.ts';
import { readRuntime } from '../../src/up/runtime-file.ts';
import { SECURE } from './secure-run.ts';
import { makeTempDir, removeTempDir } from './tempdir.ts';
import { until } from './wait.ts';

export const ENTRY = fileURLToPath(new URL('../../bin/freshet.mjs', import.meta.url));

/** Arguments of `freshet up` on a data folder, with any free ports. */
export const upArgs = (data: string): string[] => [
  ...['up', '--json', '--data', data],
  ...['--http-port', '0', '--nats-port', '0'],
];

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface TestSystem {
  readonly http: string;
  readonly nats: string;
  readonly data: string;
  readonly pid: number;
  /** Runs a verb against this system. */
  cli(...args: string[]): Promise<CliResult>;
  /** Runs a verb without the option --data. */
  cliRaw(...args: string[]): Promise<CliResult>;
  /** Runs a verb with `--json`, and parses its last line. */
  json<T>(...args: string[]): Promise<T>;
  /** Posts events in one request; resolves with their newest sequence. */
  publish(events: readonly unknown[], headers?: Record<string, string>): Promise<number>;
  /** Answer of a NATS endpoint: `ask('engine.status')`. It is faster than a verb, which needs a process each time. */
  ask<T>(endpoint: string, request?: Json, options?: CallOptions): Promise<T>;
  /** Connects to its nats-server as its operator; the test closes it. */
  connect(): Promise<NatsConnection>;
  /** Sends SIGKILL to one of its processes: a service, `gateway`, or `nats-server`. */
  kill(name: string): void;
  /** The number that a query on the projection of a service returns. */
  count(service: string, sql: string): number;
  /** Sends SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Sends Ctrl-C, which reaches every process of a terminal; requires `terminal`. Resolves with the exit code. */
  interrupt(): Promise<number | null>;
  /** Its output on stderr so far. */
  said(): string;
}

export interface StartSystemOptions {
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
  data?: string;
  /** `stop` does not remove the data folder. */
  keep?: boolean;
  /** Whether its nats-server has accounts; as the run of the tests says unless given. */
  secure?: boolean;
  /** The system gets a process group of its own, as in a terminal. */
  terminal?: boolean;
}

/** Each verb must end with this exit code, an error that matches, and a next step. */
export async function expectErrors(
  system: TestSystem,
  cases: readonly (readonly [words: readonly string[], code: number, text: RegExp])[],
): Promise<void> {
  for (const [words, code, text] of cases) {
    const answer = await system.cli(...words);
    expect(answer.stderr, words.join(' ')).toMatch(text);
    expect(answer.code, words.join(' ')).toBe(code);
    expect(answer.stderr, words.join(' ')).toContain('Next: ');
  }
}

/** Milliseconds that a start may take. */
const START_MS = 90_000;
/** Milliseconds after which a verb counts as hanging. */
const VERB_MS = 480_000;

const started = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});

export async function startSystem({
  args = [],
  env = {},
  data = makeTempDir(),
  keep = false,
  secure = SECURE,
  terminal = false,
}: StartSystemOptions = {}): Promise<TestSystem> {
  const { NATS_URL: _external, ...rest } = process.env;
  // A busy machine must not fail these tests.
  const childEnv = {
    FRESHET_HTTP_REQUEST_TIMEOUT_MS: '60000',
    // An erasure need not wait until nats-server writes its index again.
    FRESHET_ERASURE_SERVER_INDEX_MS: '0',
    ...rest,
    ...env,
  };
  const child = spawn(process.execPath, [ENTRY, ...upArgs(data), ...(secure ? ['--secure'] : []), ...args], {
    env: childEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: terminal,
  });
  started.add(child);
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += String(chunk);
  });
  let ready: { http: string; nats: string; data: string; pid: number } | undefined;
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    ready = JSON.parse(line);
  });
  const ended = (): number | string | null => child.exitCode ?? child.signalCode;
  const what = 'the system is ready, or has ended';
  await until(() => ready !== undefined || ended() !== null, { within: START_MS, what }).catch((cause: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`The system did not become ready. It wrote:\n${said}`, { cause });
  });
  if (ready === undefined) throw new Error(`The system ended with ${ended()}. It wrote:\n${said}`);
  const { http, nats, pid } = ready as unknown as { http: string; nats: string; pid: number };

  const cliRaw = (...words: string[]): Promise<CliResult> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [ENTRY, ...words],
        { env: childEnv, timeout: VERB_MS, maxBuffer: 1 << 26 },
        (err, stdout, stderr) => resolve({ code: err ? Number(err.code ?? 1) : 0, stdout, stderr }),
      );
    });

  const connectHere = (): Promise<NatsConnection> => {
    const { credentials, ca } = readRuntime(data) ?? {};
    // A busy machine may take its time to begin TLS.
    return connect({ url: nats, name: 'test', timeoutMs: 20_000, access: { credentials, ca } });
  };
  let client: Promise<NatsConnection> | undefined;
  const ask = async <T>(endpoint: string, request: Json = {}, options?: CallOptions): Promise<T> => {
    client ??= connectHere().catch((err: unknown) => {
      client = undefined;
      throw err;
    });
    return call<T>(await client, `freshet.${endpoint}`, request, options);
  };

  async function end(tell: () => void): Promise<number | null> {
    await (await client)?.close();
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
    if (child.exitCode !== null) return child.exitCode;
    tell();
    const code = await gone;
    started.delete(child);
    if (!keep) removeTempDir(data);
    return code;
  }

  const cli = (...words: string[]): Promise<CliResult> => cliRaw(...words, '--data', data);

  return {
    http,
    nats,
    data,
    pid,
    cli,
    cliRaw,
    ask,
    connect: connectHere,
    publish: async (events, headers = {}) => {
      const body = JSON.stringify(events);
      const post = (): Promise<Response> =>
        fetch(`${http}/v1/events`, {
          method: 'POST',
          headers: { 'content-type': 'application/cloudevents-batch+json', ...headers },
          body,
        });
      // 503: the gateway has no connection at the moment. The events have ids, so to post them again is safe.
      const answer = await until(async () => {
        const got = await post();
        return got.status !== 503 && got;
      });
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`);
      return (JSON.parse(text) as { seq: number }).seq;
    },
    json: async <T>(...words: string[]) => {
      const { stdout, stderr } = await cli(...words, '--json');
      const line = stdout.trim().split('\n').at(-1);
      if (!line) throw new Error(`${words.join(' ')} wrote nothing: ${stderr}`);
      return JSON.parse(line) as T;
    },
    kill: (name) => {
      const found = readRuntime(data)?.processes[name];
      if (!found) throw new Error(`no process ${name}`);
      process.kill(found.pid, 'SIGKILL');
    },
    count: (service, sql) => {
      const db = new Database(`${data}/${service}.sqlite`, { readonly: true });
      try {
        return (db.prepare(sql).pluck().get() as number) ?? 0;
      } finally {
        db.close();
      }
    },
    stop: () => end(() => child.kill('SIGTERM')),
    interrupt: () => end(() => process.kill(-pid, 'SIGINT')),
    said: () => said,
  };
}
