/**
 * Lists as of an earlier position. Each is made by `freshet at` in a process of its own with a low priority, so that the
 * gateway answers meanwhile; the channel between the two carries the progress, and closing it cancels the work.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { accessVariables } from '../bus/nats/access.ts';
import { problemOfCode, RemoteProblemError } from '../bus/nats/problem.ts';
import type { Config } from '../config/schema.ts';
import type { RankingAnswer } from '../engine/serve/lists.ts';
import { ENTRY } from '../entry.ts';
import { PastUnderWayError, ServiceUnavailableError } from '../errors.ts';

export interface PastRequest {
  user: string;
  seq: number;
  n?: number | undefined;
  fields?: readonly string[] | undefined;
}

export interface PastListsOptions {
  config: Config;
  natsUrl: string;
  /** Folder of the projections; undefined: the list comes from the log alone. */
  data: string | undefined;
  /** Milliseconds that a list may take. */
  timeoutMs: number;
}

/** A list that is being made. */
export interface PastList {
  /** Rejects with `RemoteProblemError`, `ServiceUnavailableError`. */
  done: Promise<RankingAnswer>;
  /** Ends the work; `done` then rejects. */
  cancel(): void;
}

export interface PastLists {
  /** Throws `PastUnderWayError` while another list is being made. */
  start(request: PastRequest, onProgress: (done: number, of: number) => void): PastList;
  stop(): Promise<void>;
}

/** Milliseconds that the process has to clean up after itself before it is killed. */
const GRACE_MS = 2_000;
/** Characters of its error messages that count. */
const SHOWN = 4_000;

export function createPastLists({ config, natsUrl, data, timeoutMs }: PastListsOptions): PastLists {
  let current: { list: PastList; ended: Promise<unknown> } | undefined;

  function start(request: PastRequest, onProgress: (done: number, of: number) => void): PastList {
    if (current)
      throw new PastUnderWayError('The gateway is making another earlier list, and makes one at a time.', {
        next: 'try again once that list is there, or use the command line: freshet at --seq N recommend USER',
      });
    const folder = mkdtempSync(join(tmpdir(), 'freshet-past-'));
    const list = launch(request, folder, onProgress);
    const ended = list.done
      .catch(() => undefined)
      .finally(() => {
        rmSync(folder, { recursive: true, force: true });
        current = undefined;
      });
    current = { list, ended };
    return list;
  }

  function launch(
    { user, seq, n, fields = [] }: PastRequest,
    folder: string,
    onProgress: (done: number, of: number) => void,
  ): PastList {
    const settings = join(folder, 'config.json');
    // The settings that this process runs with, wherever they came from.
    writeFileSync(settings, JSON.stringify(config), { mode: 0o600 });
    const child = spawn(
      process.execPath,
      [
        ...[ENTRY, 'at', '--seq', String(seq), '--json', '--config', settings, '--data', data ?? folder],
        ...['recommend', '--explain', ...(n === undefined ? [] : ['-n', String(n)])],
        ...(fields.length === 0 ? [] : ['--fields', fields.join(',')]),
        ...['--', user],
      ],
      {
        env: { ...process.env, NATS_URL: natsUrl, ...accessVariables(config) },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    );
    lowerPriority(child);
    let late = false;
    let kill: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      if (kill !== undefined || child.exitCode !== null) return;
      if (child.connected) child.disconnect();
      kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    };
    const limit = setTimeout(() => {
      late = true;
      cancel();
    }, timeoutMs);
    const [out, err] = [read(child.stdout), read(child.stderr, SHOWN)];
    child.on('message', (message) => {
      const { done, total } = message as { done?: unknown; total?: unknown };
      if (typeof done === 'number' && typeof total === 'number') onProgress(done, total);
    });
    const done = outcome().finally(() => {
      clearTimeout(limit);
      clearTimeout(kill);
    });

    async function outcome(): Promise<RankingAnswer> {
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once('error', (cause) => reject(unavailable('The gateway could not start the work.', cause)));
        child.once('exit', resolve);
      });
      // Node emits no `close` once the channel was closed on this side.
      const [text, complaint] = await Promise.all([out, err]);
      if (code === 0) return JSON.parse(text) as RankingAnswer;
      if (late) throw unavailable(`The list took longer than ${timeoutMs} ms (http.past_timeout_ms).`);
      throw problemIn(complaint);
    }
    return { done, cancel };
  }

  return {
    start,
    stop: async () => {
      current?.list.cancel();
      await current?.ended;
    },
  };
}

/** Collects a text to its end; with a limit, the last characters of it. */
async function read(stream: Readable | null, limit = Number.POSITIVE_INFINITY): Promise<string> {
  let text = '';
  for await (const chunk of stream?.setEncoding('utf8') ?? []) text = (text + String(chunk)).slice(-limit);
  return text;
}

function lowerPriority({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // The process has ended, or the system does not allow it: the list is right at any priority.
  }
}

/** The error that the process wrote, as `CODE: message` and the next step. */
function problemIn(text: string): Error {
  const [, code, message] = /^(FRESHET_[A-Z_]+): (.*)$/m.exec(text) ?? [];
  const [, next] = /^Next: (.*)$/m.exec(text) ?? [];
  if (code === undefined || message === undefined)
    return unavailable('The process that makes the list ended before the list was there.');
  return new RemoteProblemError(problemOfCode(code, message, next));
}

const unavailable = (message: string, cause?: unknown): ServiceUnavailableError =>
  new ServiceUnavailableError(message, {
    next: 'freshet at --seq N recommend USER makes it on the command line',
    cause,
  });
