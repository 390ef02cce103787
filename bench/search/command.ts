import { Command } from 'commander';
import { count, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive } from '../../src/cli/values.ts';
import { numbers } from '../numbers.ts';
import { runSearchBench, type SearchBenchOptions, type SearchFigures, type SearchRow } from './search.ts';

/** `npm run bench -- search` */
export const searchBench = (): Command =>
  new Command('search')
    .description(
      'measure searches of a catalogue over HTTP, compared with plain queries of the same index in one process, and what the index adds to the fold',
    )
    .option('--items <n>', 'items of the simulated catalogue', positive, 100_000)
    .option('--seconds <n>', 'seconds per measurement', positive, 5)
    .option('--concurrency <n,...>', 'concurrent callers', numbers, [1, 8])
    .option('--json', 'write JSON')
    .action(async ({ json, ...options }: Omit<SearchBenchOptions, 'say'> & { json?: boolean }) => {
      const figures = await runSearchBench({ ...options, say: note });
      if (json) printJson(figures);
      else print(textOf(figures));
    });

function textOf({ items, fold, raw, http, mostMatches }: SearchFigures): string {
  const ms = (value: number): string => value.toFixed(1);
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  const rowOf = (row: SearchRow, relative: string): (string | number)[] => [
    row.callers === 0 ? 'in process' : 'HTTP',
    row.callers || '',
    row.kind,
    `${count(Math.round(row.perSecond))}/s`,
    ms(row.latency.p50),
    ms(row.latency.p99),
    ms(row.latency.max),
    relative,
    row.failed > 0 ? `${row.failed} failed` : '',
  ];
  const rows = raw.flatMap((plain) => [
    rowOf(plain, ''),
    ...http
      .filter(({ kind }) => kind === plain.kind)
      .map((row) =>
        rowOf(
          row,
          `p50 ${(row.latency.p50 / plain.latency.p50).toFixed(2)}, p99 ${(row.latency.p99 / plain.latency.p99).toFixed(2)} of in process`,
        ),
      ),
  ]);
  return [
    `${count(items)} items, of which ${count(mostMatches)} match the most common word; Node ${process.version}`,
    '',
    table(rows, ['over', 'callers', 'query', 'answers', 'p50 ms', 'p99 ms', 'max ms', 'relative', '']),
    '',
    `fold of the catalogue: ${fold.withIndex.toFixed(2)} s of processor time with the index, ${fold.withoutIndex.toFixed(2)} s without it (${(fold.withIndex / fold.withoutIndex).toFixed(2)} times; medians of ${fold.rounds} alternating rounds); files of ${mb(fold.bytesWith)} and ${mb(fold.bytesWithout)}`,
  ].join('\n');
}
