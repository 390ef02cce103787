import { Command } from 'commander';
import { count, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive, whole } from '../../src/cli/values.ts';
import type { Latency } from '../load/latency.ts';
import { numbers } from '../numbers.ts';
import { type Row, runServingBench, type ServingFigures, type ServingOptions } from './serving.ts';

/** `npm run bench -- serving` */
export const servingBench = (): Command =>
  new Command('serving')
    .description(
      'measure lists of a whole system over NATS and HTTP, compared with empty requests and scoring alone, and freshness',
    )
    .option('--inter <file>', 'interactions, in any form that an import takes: measured as well')
    .option('--item <file>', 'items of an atomic file, published as the catalogue')
    .option('--items <n>', 'items of the simulated catalogue; 0: none', whole, 20_000)
    .option('--events <n>', 'simulated interactions', positive, 200_000)
    .option('--readers <n>', 'simulated readers', positive, 8_000)
    .option('--concurrency <n,...>', 'concurrent callers', numbers, [1, 16, 64])
    .option('--seconds <n>', 'seconds per measurement', positive, 5)
    .option('--rate <n>', 'events per second in the second half', positive, 2_000)
    .option('--users <n>', 'users of the requests', positive, 500)
    .option('--engines <n>', 'processes of the engine, which share the requests', positive, 1)
    .option('-n, --n <n>', 'items in a list', positive, 10)
    .option('--json', 'write JSON')
    .action(async ({ json, ...options }: Omit<ServingOptions, 'say'> & { json?: boolean }) => {
      const figures = await runServingBench({ ...options, inter: options.inter, item: options.item, say: note });
      if (json) printJson(figures);
      else print(figures.map(textOf).join('\n\n'));
    });

const NAMES: Record<Row['what'], string> = {
  ping: '(a) empty request',
  standing: 'cached list',
  'standing-fields': 'cached list, with fields',
  fresh: 'computed list',
  'fresh-fields': 'computed list, with fields',
};

function textOf(figures: ServingFigures): string {
  const { engines, stream, events, users, items, alone, rows, freshness, publishedPerSecond } = figures;
  const ms = (value: number): string => value.toFixed(1);
  const shown = rows.map((row) => [
    row.over,
    row.concurrency,
    NAMES[row.what],
    row.events > 0 ? `${count(row.events)}/s` : '',
    `${count(Math.round(row.perSecond))}/s`,
    ms(row.latency.p50),
    ms(row.latency.p99),
    ms(row.latency.p999),
    beside(row, rows, alone),
    row.failed > 0 ? `${row.failed} failed` : '',
  ]);
  const quantiles = ({ p50, p99, max }: Latency): string => `p50 ${ms(p50)} ms, p99 ${ms(p99)} ms, most ${ms(max)} ms`;
  return [
    `${stream}: ${count(events)} messages, ${count(users)} users and ${count(items)} items with interactions; ${engines} process${engines === 1 ? '' : 'es'} of the engine; Node ${process.version}`,
    '',
    `(b) scoring alone, in one thread: ${count(Math.round(alone))} lists/s`,
    '',
    table(shown, ['over', 'callers', 'what', 'events', 'answers', 'p50 ms', 'p99 ms', 'p99.9 ms', 'relative', '']),
    '',
    `freshness at ${count(Math.round(publishedPerSecond))} events/s, from the acknowledgement to a list with min_seq: ${quantiles(freshness.list)} (${count(freshness.samples)} events${freshness.failed > 0 ? `, ${freshness.failed} failed` : ''})`,
    `pending rankings: ${count(freshness.waiting)} at most, the oldest for ${freshness.oldestSeconds.toFixed(1)} s`,
  ].join('\n');
}

/** The ratio of a row to its reference in the same run. */
function beside(row: Row, rows: readonly Row[], alone: number): string {
  const of = (what: Row['what'], events: number): Row | undefined =>
    rows.find(
      (other) =>
        other.over === row.over &&
        other.what === what &&
        other.concurrency === row.concurrency &&
        other.events === events,
    );
  if (row.what === 'ping') return '';
  if (row.events > 0) {
    const quiet = of(row.what, 0);
    return quiet ? `p99 ${(row.latency.p99 / quiet.latency.p99).toFixed(2)} of that without events` : '';
  }
  if (row.what === 'standing-fields' || row.what === 'fresh-fields') {
    const without = of(row.what === 'fresh-fields' ? 'fresh' : 'standing', 0);
    return without ? `${(row.perSecond / without.perSecond).toFixed(2)} of without fields` : '';
  }
  if (row.what === 'fresh') return `${(row.perSecond / alone).toFixed(2)} of (b)`;
  const ping = of('ping', 0);
  return ping ? `${(row.perSecond / ping.perSecond).toFixed(2)} of (a)` : '';
}
