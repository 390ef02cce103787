import { Command } from 'commander';
import { NO_BROWSER } from '../../scripts/setup/browser.mjs';
import { count, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive } from '../../src/cli/values.ts';
import type { Latency } from '../load/latency.ts';
import { median } from '../median.ts';
import { type ConsoleFigures, type ConsoleOptions, runConsoleBench } from './console.ts';

/** `npm run bench -- console` */
export const consoleBench = (): Command =>
  new Command('console')
    .description(
      'measure the console in a real browser: the live list beside a raw reader of its stream, the first paint, and what open consoles cost the gateway',
    )
    .option('--items <n>', 'items of the simulated catalogue', positive, 5_000)
    .option('--history <n>', 'simulated interactions', positive, 50_000)
    .option('--readers <n>', 'simulated readers', positive, 2_000)
    .option(
      '--events <n>',
      'events that move the live list, from the page and as many from the raw reader',
      positive,
      200,
    )
    .option('--loads <n>', 'loads of the console without a cache', positive, 10)
    .option('--consoles <n>', 'open consoles', positive, 50)
    .option('--callers <n>', 'concurrent callers of lists beside them', positive, 16)
    .option('--rounds <n>', 'measurements without and with open consoles, by turns', positive, 5)
    .option('--seconds <n>', 'seconds per measurement', positive, 10)
    .option('--json', 'write JSON')
    .action(async ({ json, ...options }: Omit<ConsoleOptions, 'say'> & { json?: boolean }) => {
      const figures = await runConsoleBench({ ...options, say: note });
      if (json) printJson(figures);
      else print(textOf(figures));
    });

export function textOf({ log, consoles, callers, rounds, overviews, inBrowser }: ConsoleFigures): string {
  const ratios = rounds.map((round) => round.with / round.without);
  const failed = rounds.reduce((sum, round) => sum + round.failed, 0);
  return [
    `${count(log)} messages in the log; Node ${process.version}${inBrowser === null ? '' : `, Chromium ${inBrowser.version}`}`,
    '',
    inBrowser === null
      ? `The live list and the first paint are not measured: ${NO_BROWSER}.`
      : textOfBrowser(inBrowser),
    '',
    table(
      [
        [
          `cached lists over HTTP, ${callers} callers`,
          `${count(Math.round(median(rounds.map((round) => round.without))))}/s`,
          `${count(Math.round(median(rounds.map((round) => round.with))))}/s`,
          `${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)})`,
        ],
      ],
      [`median of ${rounds.length} rounds`, 'no console open', `${consoles} consoles open`, 'with / without'],
    ),
    `the open consoles read ${count(overviews)} overviews meanwhile${failed > 0 ? `; ${count(failed)} lists failed` : ''}`,
  ].join('\n');
}

function textOfBrowser({ paint, list }: NonNullable<ConsoleFigures['inBrowser']>): string {
  const row = (what: string, { p50, p99, max }: Latency, ratio: string): string[] => [
    what,
    p50.toFixed(1),
    p99.toFixed(1),
    max.toFixed(1),
    ratio,
  ];
  const { page, raw } = list;
  return [
    table(
      [
        row('(a) raw reader of the stream', raw, ''),
        row(
          'list in the page',
          page,
          `p50 ${(page.p50 / raw.p50).toFixed(2)}, p99 ${(page.p99 / raw.p99).toFixed(2)} of (a)`,
        ),
      ],
      [`${count(list.events)} events each, from the acknowledgement`, 'p50 ms', 'p99 ms', 'most ms', 'relative'],
    ),
    `${count(list.unmoved)} of ${count(2 * list.events)} events did not move the list; the list of ${count(list.missed)} reached only one of the two`,
    '',
    `first contentful paint without a cache, median of ${paint.loads}: console ${Math.round(paint.console)} ms, bare text ${Math.round(paint.text)} ms (${(paint.console / paint.text).toFixed(2)} of it)`,
  ].join('\n');
}
