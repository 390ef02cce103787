/** A real Prometheus that scrapes a system, with rules whose spans are shorter. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shorter } from '../../scripts/monitoring/alert.ts';
import { rulesFile } from '../../scripts/monitoring/rules.ts';
import { onPath } from '../../scripts/setup/process.mjs';
import { freePort } from '../support/nats.ts';
import { until } from '../support/wait.ts';

/** Why tests skip. */
export const MISSING = 'neither prometheus nor promtool is on PATH (Debian: apt-get install prometheus)';

/** Milliseconds between two scrapes, and between two evaluations. */
const EVERY_MS = 500;

export const findPrometheus = (): { prometheus: string; promtool: string } | undefined => {
  const [prometheus, promtool] = [onPath('prometheus', process.env), onPath('promtool', process.env)];
  return prometheus && promtool ? { prometheus, promtool } : undefined;
};

/** Runs promtool. Resolves with its exit code and all that it wrote. */
export function runPromtool(args: readonly string[], input?: string): Promise<{ code: number; output: string }> {
  const program = findPrometheus()?.promtool;
  if (program === undefined) throw new Error(MISSING);
  return new Promise((resolve) => {
    const child = execFile(program, [...args], (err, stdout, stderr) =>
      resolve({ code: err ? Number(err.code ?? 1) : 0, output: stdout + stderr }),
    );
    child.stdin?.end(input ?? '');
  });
}

export interface TestPrometheus {
  /** Names of the alerts that fire now. */
  firing(): Promise<Set<string>>;
  /** The result of a query as it is now. */
  query(expr: string): Promise<unknown[]>;
  stop(): Promise<void>;
}

/**
 * @param factor how many times shorter the spans of the rules are
 * @param targets `host:port` of each process
 */
export async function startPrometheus(
  folder: string,
  factor: number,
  targets: readonly string[],
): Promise<TestPrometheus> {
  const program = findPrometheus()?.prometheus;
  if (program === undefined) throw new Error(MISSING);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'rules.yml'), rulesFile(shorter(factor), `${EVERY_MS}ms`));
  writeFileSync(
    join(folder, 'prometheus.yml'),
    JSON.stringify({
      global: {
        scrape_interval: `${EVERY_MS}ms`,
        scrape_timeout: `${EVERY_MS}ms`,
        evaluation_interval: `${EVERY_MS}ms`,
      },
      rule_files: ['rules.yml'],
      scrape_configs: [{ job_name: 'freshet', static_configs: [{ targets }] }],
    }),
  );
  const port = await freePort();
  const child: ChildProcess = spawn(
    program,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += String(chunk);
  });
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    return ((await answer.json()) as { data: T }).data;
  };
  await until(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok, {
    within: 20_000,
    what: 'Prometheus is ready',
  }).catch((cause: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`Prometheus did not become ready. It wrote:\n${said}`, { cause });
  });
  return {
    firing: async () => {
      const { alerts } = await get<{ alerts: { labels: { alertname: string }; state: string }[] }>('alerts');
      return new Set(alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname));
    },
    query: async (expr) => (await get<{ result: unknown[] }>(`query?query=${encodeURIComponent(expr)}`)).result,
    stop: async () => {
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await gone;
    },
  };
}
