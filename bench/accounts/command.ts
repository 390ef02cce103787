import { Command } from 'commander';
import { count, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive } from '../../src/cli/values.ts';
import { median } from '../median.ts';
import { type AccountFigures, type Pair, runAccounts } from './accounts.ts';

interface AccountBenchOptions {
  events: number;
  rounds: number;
  window: number;
  tls?: boolean;
  json?: boolean;
}

/** `npm run bench -- accounts` */
export const accountsBench = (): Command =>
  new Command('accounts')
    .description('measure what the account boundary of a secured bus costs: publishing and requests, inside and across')
    .option('--events <n>', 'events and requests in each measurement', positive, 20_000)
    .option('--rounds <n>', 'measurements of each kind, by turns', positive, 5)
    .option('--window <n>', 'events or requests under way at once', positive, 256)
    .option('--tls', 'with TLS')
    .option('--json', 'write JSON')
    .action(async ({ json, tls = false, ...options }: AccountBenchOptions) => {
      const figures = await runAccounts({ ...options, tls, say: note });
      if (json) printJson(figures);
      else print(textOf(figures));
    });

function textOf({ nats, events, rounds, tls, publish, request }: AccountFigures): string {
  return [
    `${count(events)} per measurement, ${rounds} rounds, ${tls ? 'with TLS' : 'without TLS'}, nats-server ${nats}, Node ${process.version}`,
    '',
    table(
      [row('publish, acknowledged by JetStream', publish), row('request, answered at once', request)],
      ['one connection, median', 'inside the account', 'across accounts', 'across / inside'],
    ),
  ].join('\n');
}

function row(what: string, { inside, across }: Pair): string[] {
  // Each round measures both one after the other, so other work on the machine hits both.
  const ratios = across.map((rate, i) => rate / (inside[i] as number));
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return [
    what,
    `${count(Math.round(median(inside)))}/s`,
    `${count(Math.round(median(across)))}/s`,
    `${median(ratios).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`,
  ];
}
