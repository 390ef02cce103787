import { Command } from 'commander';
import { count, duration, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive, whole } from '../../src/cli/values.ts';
import { type ForgetLargeFigures, type ForgetLargeOptions, type ListsDuring, runForgetLarge } from './large.ts';

/** `npm run bench -- forget-large` */
export const forgetLargeBench = (): Command =>
  new Command('forget-large')
    .description('forget a user with many events while others ask for lists, beside the same load without an erasure')
    .option('--events <n>', 'events of the user', positive, 250_000)
    .option('--other-events <n>', 'events of all other users', positive, 100_000)
    .option('--others <n>', 'other users', positive, 2_000)
    .option('--items <n>', 'items', positive, 5_000)
    .option('--lists <n>', 'lists of others per second', positive, 50)
    .option('--rate <n>', 'events of others per second', positive, 20)
    .option('--seconds <n>', 'seconds of the measurement without an erasure', positive, 20)
    .option('--rebuild-after-ms <ms>', 'erasure.rebuild_after_ms of the system', whole, 10_000)
    .option('--seed <n>', 'seed of the events', whole, 1)
    .option('--json', 'write JSON')
    .action(async ({ json, ...options }: Omit<ForgetLargeOptions, 'say'> & { json?: boolean }) => {
      const figures = await runForgetLarge({ ...options, say: note });
      if (json) printJson(figures);
      else print(textOf(figures));
    });

function textOf({ events, otherEvents, before, rows, exact, services }: ForgetLargeFigures): string {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const row = (what: string, { seconds, lists, events: published }: ListsDuring): string[] => [
    what,
    duration(seconds),
    ms(lists.latency.p50),
    ms(lists.latency.p99),
    ms(lists.latency.max),
    count(lists.failed),
    count(lists.statuses['503'] ?? 0),
    count(published.failed),
  ];
  return [
    `a user with ${count(events)} of ${count(events + otherEvents)} events is forgotten`,
    '',
    table(
      [
        row('(a) no erasure', before),
        row('until no row or statistic of the user is left', rows),
        row('from then until all state is exact', exact),
      ],
      ['lists of others', 'time', 'p50', 'p99', 'longest', 'failed', 'with 503', 'events failed'],
    ),
    '',
    `no row left in: ${Object.entries(services)
      .map(([service, took]) => `${service} ${duration(took)}`)
      .join(', ')}`,
  ].join('\n');
}
