import { Argument, Command } from 'commander';
import type { ServiceName } from '../../src/bus/projection/definition.ts';
import { count, note, print, printJson } from '../../src/cli/output.ts';
import { positive } from '../../src/cli/values.ts';
import { type RebuildFigures, type ReplayFigures, rebuildOne, runReplay, SERVICES } from './replay.ts';

/** `npm run bench -- replay` */
export const replayBench = (): Command =>
  new Command('replay')
    .description(
      'measure the rebuild of each service from the log, compared with a raw consumer and raw SQLite, and its memory',
    )
    .option('--events <n>', 'simulated interactions', positive, 100_000)
    .option('--service <name...>', 'only these services', [...SERVICES])
    .option('--cache-kib <n>', 'projection.cache_kib of the rebuild', positive)
    .option('--json', 'write JSON')
    .action(
      async ({
        service: services,
        json,
        ...options
      }: {
        events: number;
        service: ServiceName[];
        cacheKib?: number;
        json?: boolean;
      }) => {
        let headed = false;
        const figures = await runReplay({
          ...options,
          services,
          say: note,
          ...(json
            ? {}
            : {
                measured: (one, run) => {
                  if (!headed) print(headOf(run));
                  headed = true;
                  print(textOf(one));
                },
              }),
        });
        if (json) printJson(figures);
      },
    );

/** One rebuild in a process of its own, which `replay` starts. */
export const replayOneBench = (): Command =>
  new Command('replay-one')
    .addArgument(new Argument('<service>').choices([...SERVICES]))
    .requiredOption('--nats <url>')
    .requiredOption('--into <dir>')
    .option('--no-ranker')
    .option('--cache-kib <n>', 'projection.cache_kib', positive)
    .action(
      async (
        service: ServiceName,
        { nats: url, into: folder, ...more }: { nats: string; into: string; ranker: boolean; cacheKib?: number },
      ) => printJson(await rebuildOne({ service, url, folder, ...more })),
    );

const COLUMNS = [
  'service ',
  '  rebuild',
  '(a) raw consumer',
  '(b) SQLite alone',
  'limit 1/(1/a+1/b)',
  'rebuild / limit',
  'the same in processor time',
];

const line = (cells: readonly string[]): string =>
  cells
    .map((cell, i) => {
      const { length } = COLUMNS[i] as string;
      return i === 0 ? cell.padEnd(length) : cell.padStart(length);
    })
    .join('  ');

const headOf = ({ events, nats }: Omit<ReplayFigures, 'services'>): string =>
  `${count(events)} messages, nats-server ${nats}, Node ${process.version}\n\n${line(COLUMNS)}`;

/** Prints rows one by one, so that an interrupted run keeps the rows that it measured. */
function textOf({ service, rebuild, raw, sqlite, limit, cpuRatio, memory, learning }: RebuildFigures): string {
  const perSecond = (n: number): string => `${count(Math.round(n))}/s`;
  const parts = (['resident', 'heap', 'buffers', 'cache'] as const).map(
    (part) => `${part} ${memory.map((at) => at[part]).join(' ')}`,
  );
  return [
    line([
      service,
      perSecond(rebuild),
      perSecond(raw),
      perSecond(sqlite),
      perSecond(limit),
      (rebuild / limit).toFixed(2),
      cpuRatio.toFixed(2),
    ]),
    `  MiB at each quarter: ${parts.join('; ')} at most`,
    ...(learning === undefined
      ? []
      : [
          `  the ranker takes ${Math.round(learning * 100)} % of it; the ratio of processor time without it is ${(cpuRatio / (1 - learning)).toFixed(2)}`,
        ]),
  ].join('\n');
}
