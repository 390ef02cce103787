import { Command } from 'commander';
import { count, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive } from '../../src/cli/values.ts';
import { type PipelineFigures, runPipeline } from './pipeline.ts';

/** `npm run bench -- pipeline` */
export const pipelineBench = (): Command =>
  new Command('pipeline')
    .description(
      'measure the way from publishing to projection: publisher, raw consumer, raw SQLite, the loop of each service, freshness',
    )
    .option('--events <n>', 'simulated interactions', positive, 100_000)
    .option('--fresh <n>', 'events for the freshness figures', positive, 500)
    .option('--json', 'write JSON')
    .action(async (options: { events: number; fresh: number; json?: boolean }) => {
      const figures = await runPipeline({ events: options.events, fresh: options.fresh, say: note });
      if (options.json) printJson(figures);
      else print(textOf(figures));
    });

function textOf({ events, nats, publisher, raw, services, together, freshness }: PipelineFigures): string {
  const perSecond = (n: number): string => `${count(Math.round(n))}/s`;
  const rows = services.map(({ service, loop, sqlite, limit }) => [
    service,
    perSecond(loop),
    perSecond(raw),
    perSecond(sqlite),
    perSecond(limit),
    (loop / limit).toFixed(2),
  ]);
  return [
    `${count(events)} messages, nats-server ${nats}, Node ${process.version}`,
    '',
    `publisher, acknowledged (c)      ${perSecond(publisher)}`,
    `raw consumer that counts (a)     ${perSecond(raw)}`,
    '',
    table(rows, ['service', 'loop', '(a) raw consumer', '(b) SQLite alone', 'limit 1/(1/a+1/b)', 'loop / limit']),
    '',
    `all four services at once, each in a process of its own: ${perSecond(together)} until the last commit`,
    '',
    `freshness on an idle system, ${count(freshness.samples)} events, from the acknowledgement:`,
    table(
      [
        ['ranking readable in KV', `${freshness.ranking.p50.toFixed(1)} ms`, `${freshness.ranking.p99.toFixed(1)} ms`],
        [
          'recommend with min_seq answered',
          `${freshness.recommend.p50.toFixed(1)} ms`,
          `${freshness.recommend.p99.toFixed(1)} ms`,
        ],
        [
          'for comparison: an empty request over NATS',
          `${freshness.ping.p50.toFixed(1)} ms`,
          `${freshness.ping.p99.toFixed(1)} ms`,
        ],
      ],
      ['', 'p50', 'p99'],
    ),
  ].join('\n');
}
