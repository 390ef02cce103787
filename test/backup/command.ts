/** `npm run test:long -- backup`: backups under load on each nats-server that is named or found here. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { cacheFolder } from '../../scripts/setup/cache.mjs';
import { onPath } from '../../scripts/setup/process.mjs';
import { natsServerProgram } from '../support/nats.ts';
import { type BackupResult, runBackup, tableOf } from './run.ts';

interface BackupSuiteOptions {
  server?: string[];
  into?: string[];
  events: string;
  rate: string;
  json?: boolean;
}

export const backupCommand = (): Command =>
  new Command('backup')
    .description('back up a system under load on each nats-server found here, restore it, and verify (2 minutes each)')
    .option('--server <path...>', 'programs of nats-server to back up (default: all that are found here)')
    .option('--into <path...>', 'programs to restore into (default: the one that was backed up)')
    .option('--events <n>', 'events in the log before the backup', '20000')
    .option('--rate <n>', 'events per second while the backup is made', '1000')
    .option('--json', 'write the results as JSON')
    .action(async (options: BackupSuiteOptions) => {
      process.exitCode = await run(options);
    });

const report = (line: string): void =>
  void process.stderr.write(`${(performance.now() / 1_000).toFixed(0).padStart(4)} s  ${line}\n`);

/** The program that the tests use, one on PATH, and those in the cache. */
async function found(): Promise<string[]> {
  const cache = join(cacheFolder(), 'nats-server');
  const cached = existsSync(cache) ? readdirSync(cache).map((name) => join(cache, name, 'nats-server')) : [];
  const all = [(await natsServerProgram()).path, onPath('nats-server', process.env), ...cached];
  return [...new Set(all.filter((path): path is string => path !== undefined && path !== null && existsSync(path)))];
}

async function run({ server, into, events, rate, json }: BackupSuiteOptions): Promise<number> {
  const results: BackupResult[] = [];
  for (const program of server ?? (await found()))
    for (const target of into ?? [program]) {
      const result = await runBackup({
        server: program,
        into: target,
        events: Number(events),
        rate: Number(rate),
        say: report,
      });
      results.push(result);
      for (const wrong of result.wrong) report(`WRONG: ${wrong}`);
      report(`${result.from} to ${result.into}: ${result.outcome}`);
    }
  console.log(json ? JSON.stringify(results) : tableOf(results));
  return results.every(({ wrong }) => wrong.length === 0) ? 0 : 1;
}
