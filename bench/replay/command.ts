import { Argument, Command } from 'commander';
import type { ServiceName } from '../../src/bus/projection/definition.ts';
import { count, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive } from '../../src/cli/values.ts';
import { type ReplayFigures, rebuildOne, runReplay, SERVICES } from './replay.ts';

/** `npm run bench -- replay` */
export const replayBench = (): Command =>
  new Command('replay')
    .description('rebuilding each service from the log, beside a raw consumer and raw SQLite; its memory on the way')
    .option('--events <n>', 'simulated interactions', positive, 100_000)
    .option('--service <name...>', 'these services only', [...SERVICES])
    .option('--json', 'write JSON')
    .action(async (options: { events: number; service: ServiceName[]; json?: boolean }) => {
      const figures = await runReplay({ events: options.events, services: options.service, say: note });
      if (options.json) printJson(figures);
      else print(textOf(figures));
    });

/** One rebuild in a process of its own: what `replay` starts. */
export const replayOneBench = (): Command =>
  new Command('replay-one')
    .addArgument(new Argument('<service>').choices([...SERVICES]))
    .requiredOption('--nats <url>')
    .requiredOption('--into <dir>')
    .option('--no-ranker')
    .action(async (service: ServiceName, { nats, into, ranker }: { nats: string; into: string; ranker: boolean }) =>
      printJson(await rebuildOne(service, nats, into, ranker)),
    );

function textOf({ events, nats, services }: ReplayFigures): string {
  const perSecond = (n: number): string => `${count(Math.round(n))}/s`;
  const rows = services.map(({ service, rebuild, raw, sqlite, limit, cpuRatio, memory }) => [
    service,
    perSecond(rebuild),
    perSecond(raw),
    perSecond(sqlite),
    perSecond(limit),
    (rebuild / limit).toFixed(2),
    cpuRatio.toFixed(2),
    memory.join(' '),
  ]);
  const head = ['service', 'rebuild', '(a) raw consumer', '(b) SQLite alone', '1/(1/a+1/b)', 'rebuild / that'];
  const learning = services.flatMap(({ learning: share }) =>
    share === undefined ? [] : ['', `of the engine's rebuild the ranker takes ${Math.round(share * 100)} %`],
  );
  return [
    `${count(events)} messages, nats-server ${nats}, Node ${process.version}`,
    '',
    table(rows, [...head, 'the same of processor time', 'MiB at each quarter']),
    ...learning,
  ].join('\n');
}
