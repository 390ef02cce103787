import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { count, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive, whole } from '../../src/cli/values.ts';
import { UsageError } from '../../src/errors.ts';
import { DATA_FOLDER, readRuntime } from '../../src/up/runtime-file.ts';
import { DRIVE_LIMITS, failures } from './drive.ts';
import type { Latency } from './latency.ts';
import { PHASES, type Phase, type PhaseFigures, runLoad } from './load.ts';

interface Options {
  http?: string;
  data: string;
  what: Phase[];
  connections: number;
  seconds: number;
  n: number;
  maxAgeMs?: number;
  users: string;
  userCount: number;
  actors: string;
  actorCount: number;
  batch: number;
  rate: number;
  key?: string;
  seed: number;
  json?: boolean;
}

/** `npm run load` */
export const loadBench = (): Command =>
  new Command('load')
    .description(
      'load a running system with requests for lists, with events, and with both; shows throughput, latency and errors',
    )
    .option('--http <url>', 'address of the gateway (default: the running `freshet up` of this folder)')
    .option('--data <dir>', 'data folder of the running `freshet up`', DATA_FOLDER)
    .addOption(
      new Option('--what <phases>', 'phases to run, separated by commas')
        .argParser(phasesOf)
        .default([...PHASES], PHASES.join()),
    )
    .option('-c, --connections <n>', 'connections, each with one request at a time', upTo(DRIVE_LIMITS.connections), 16)
    .option('-s, --seconds <n>', 'seconds per phase', upTo(DRIVE_LIMITS.seconds), 10)
    .option('-n, --n <n>', 'items in a list', positive, 10)
    .option(
      '--max-age-ms <n>',
      'greatest age of a cached list, milliseconds; 0: the engine computes each list (default: as configured)',
      whole,
    )
    .option('--users <pattern>', 'users of the lists: {n} is a number from 1 to --user-count', 'reader-{n}')
    .option('--user-count <n>', 'number of these users', positive, 4_000)
    .option('--actors <pattern>', 'users of the events', 'load-{n}')
    .option('--actor-count <n>', 'number of these users', positive, 10_000)
    .option('--batch <n>', 'events in one request', upTo(10_000), 20)
    .option('--rate <n>', 'events per second during the requests for lists', positive, 2_000)
    .option('--key <key>', 'API key with the scopes recommend and events:user (default: $FRESHET_KEY)')
    .option('--seed <n>', 'seed of the draws', whole, 1)
    .option('--json', 'write JSON')
    .addHelpText(
      'after',
      `
It publishes events that stay in the log, of users of its own; --what recommend publishes none.
Limits: ${count(DRIVE_LIMITS.connections)} connections, ${DRIVE_LIMITS.seconds} s each, ${DRIVE_LIMITS.timeout} s until a request counts as unanswered; the gateway's own (http.rate_per_s,
http.body_bytes, http.batch_events) show as answers 429 and 413.

Examples:
  npm run load                                              all three on the demo, 10 s each
  npm run load -- --what recommend -c 64 --max-age-ms 0     every list computed afresh
  npm run load -- --http http://10.0.0.5:8080 --users 'u{n}' --user-count 1000`,
    )
    .action(async ({ json, http, data, what, users, userCount, actors, actorCount, key, ...rest }: Options) => {
      const url = http ?? readRuntime(resolve(data))?.http;
      if (url === undefined)
        throw new UsageError(`No gateway is running in ${resolve(data)}, and --http names none.`, {
          next: 'freshet up',
        });
      const figures = await runLoad({
        ...rest,
        maxAgeMs: rest.maxAgeMs,
        url: url.replace(/\/$/, ''),
        phases: what,
        users: { pattern: users, count: userCount },
        actors: { pattern: actors, count: actorCount },
        key: key ?? process.env.FRESHET_KEY,
        say: note,
      });
      if (json) printJson(figures);
      else print(textOf(figures));
      if (figures.some(({ lists, events }) => troubles(lists) + troubles(events) > 0)) process.exitCode = 1;
    });

function phasesOf(text: string): Phase[] {
  const named = text.split(',').map((name) => name.trim());
  const wrong = named.find((name) => !(PHASES as readonly string[]).includes(name));
  if (wrong !== undefined) throw new InvalidArgumentError(`${JSON.stringify(wrong)} is none of ${PHASES.join(', ')}.`);
  return [...new Set(named)] as Phase[];
}

function upTo(most: number): (text: string) => number {
  return (text) => {
    const value = positive(text);
    if (value > most) throw new InvalidArgumentError(`It takes at most ${most}.`);
    return value;
  };
}

const troubles = (of: PhaseFigures['lists'] | PhaseFigures['events']): number =>
  of === undefined ? 0 : 'failed' in of ? of.failed : failures(of);

function textOf(figures: readonly PhaseFigures[]): string {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const quantiles = ({ p50, p99, p999 }: Latency): string[] => [ms(p50), ms(p99), ms(p999)];
  const rows: string[][] = [];
  for (const { phase, lists, events, eventsPerSecond = 0 } of figures) {
    if (lists)
      rows.push([
        phase,
        'lists',
        `${count(Math.round(lists.perSecond))}/s`,
        ...quantiles(lists.latency),
        count(troubles(lists)),
      ]);
    if (events)
      rows.push([
        phase,
        'events',
        `${count(Math.round(eventsPerSecond))}/s`,
        ...quantiles(events.latency),
        count(troubles(events)),
      ]);
  }
  const statuses = figures.flatMap(({ lists, events }) =>
    [lists, events].flatMap((of) => (of && 'errors' in of ? Object.entries(of.errors.status) : [])),
  );
  return [
    table(rows, ['phase', 'what', 'throughput', 'p50', 'p99', 'p99.9', 'errors']),
    ...statuses.map(([status, times]) => `answered with ${status}: ${count(times)}`),
  ].join('\n');
}
