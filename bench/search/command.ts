import { Command } from 'commander';
import { count, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive } from '../../src/cli/values.ts';
import { numbers } from '../numbers.ts';
import { runSearchBench, type SearchBenchOptions, type SearchFigures } from './search.ts';

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

function textOf({ items, fold, rows, mostMatches }: SearchFigures): string {
  const ms = (value: number): string => value.toFixed(1);
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  const shown = rows.map((row) => {
    const { kind, over, callers, perSecond, latency, processor, failed } = row;
    const plain = rows.find((other) => other.kind === kind && other.over === 'plain');
    const relative = (p: 'p50' | 'p99'): string => (latency[p] / (plain?.latency[p] ?? Number.NaN)).toFixed(2);
    return [
      kind,
      over,
      callers || '',
      `${count(Math.round(perSecond))}/s`,
      ms(latency.p50),
      ms(latency.p99),
      processor ? `${ms(processor.p50)}, ${ms(processor.p99)}` : '',
      over === 'plain' || plain === undefined ? '' : `${relative('p50')}, ${relative('p99')} of plain`,
      failed > 0 ? `${failed} failed` : '',
    ];
  });
  return [
    `${count(items)} items; the most common word matches ${count(mostMatches)} of them; Node ${process.version}`,
    '',
    table(shown, ['query', 'over', 'callers', 'answers', 'p50 ms', 'p99 ms', 'processor ms', 'p50, p99 relative', '']),
    '',
    `fold of the catalogue: ${fold.withIndex.toFixed(2)} s of processor time with the index, ${fold.withoutIndex.toFixed(2)} s without it (${(fold.withIndex / fold.withoutIndex).toFixed(2)} times; medians of ${fold.rounds} alternating rounds); files of ${mb(fold.bytesWith)} and ${mb(fold.bytesWithout)}`,
  ].join('\n');
}
