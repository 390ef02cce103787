import { Command, Option } from 'commander';
import { count, duration, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive, whole } from '../../src/cli/values.ts';
import { type EngineBenchOptions, measurePart, runEngineBench, type StreamFigures } from './engine.ts';
import { type MeasureOptions, PARTS, type Part } from './measure.ts';

const MIB = 1_048_576;

interface Options extends Omit<EngineBenchOptions, 'say'> {
  json?: boolean;
  measure?: Part;
}

/** `npm run bench -- engine` */
export const engineBench = (): Command =>
  new Command('engine')
    .description(
      'measure the engine in process: learning, lists, snapshots, memory, compared with rows as maps and refits from scratch',
    )
    .option('--inter <file>', 'interactions, in any form that an import takes: measured as well')
    .option('--item <file>', 'items of an atomic file, published as the catalogue')
    .option('--events <n>', 'simulated interactions; 0: none', whole, 1_000_000)
    .option('--users <n>', 'simulated users', positive, 100_000)
    .option('--items <n>', 'simulated items', positive, 20_000)
    .option('--lists <n>', 'lists to time', positive, 5_000)
    .option('--compared <n>', 'most interactions for maps and refits', positive, 100_000)
    .option('--refit-every <n>', 'interactions between two refits from scratch', positive, 1_000)
    .option('--json', 'write JSON')
    .addOption(new Option('--measure <part>', 'one part, in this process').choices(PARTS).hideHelp())
    .argument('[options]', undefined)
    .action(async (measured: string | undefined, { json, measure, ...options }: Options) => {
      if (measure !== undefined) {
        printJson(measurePart(measure, JSON.parse(measured ?? '') as MeasureOptions));
        return;
      }
      const figures = await runEngineBench({ ...options, inter: options.inter, item: options.item, say: note });
      if (json) printJson(figures);
      else print(figures.map(textOf).join('\n\n'));
    });

function textOf({ stream, counts, engine, maps, refit }: StreamFigures): string {
  const { recommend, snapshot, resident } = engine;
  const perSecond = (events: number, seconds: number): string => `${count(Math.round(events / seconds))}/s`;
  const micros = (seconds: number, events: number): string => `${((seconds * 1e6) / events).toFixed(1)} µs`;
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const mib = (bytes: number): string => `${(bytes / MIB).toFixed(0)} MiB`;
  // The cost of scoring and training is the total time less the time of counting.
  const training = engine.seconds - counts.seconds;
  const incremental = maps.rows.seconds;
  return [
    `${stream}: ${count(engine.users)} users, ${count(engine.items)} items, Node ${process.version}`,
    table([
      [
        'counting in the statistics',
        perSecond(counts.events, counts.seconds),
        `${micros(counts.seconds, counts.events)} an event`,
      ],
      [
        'learning in total (catalogue, score, train, count)',
        perSecond(engine.events, engine.seconds),
        `${micros(engine.seconds, engine.events)} an event`,
      ],
      [
        'examples of the ranker',
        count(engine.examples),
        engine.examples > 0 ? `${micros(Math.max(training, 0), engine.examples)} each, scoring included` : '',
      ],
      ['recommend p50 / p99 / longest', `${ms(recommend.p50)} / ${ms(recommend.p99)}`, ms(recommend.max)],
      ['write a snapshot', duration(snapshot.writeSeconds), mib(snapshot.bytes)],
      ['start from the snapshot', duration(snapshot.readSeconds), ''],
      ['pairs stored', count(engine.pairs), `${engine.bytesPerPair.toFixed(1)} bytes each`],
      ['resident memory by tenths of the stream', resident.map((bytes) => (bytes / MIB).toFixed(0)).join(' '), 'MiB'],
    ]),
    '',
    `for comparison, the first ${count(maps.maps.events)} interactions:`,
    table(
      [
        ['packed rows', perSecond(maps.rows.events, maps.rows.seconds), mib(maps.rows.resident), '1'],
        [
          'rows as maps',
          perSecond(maps.maps.events, maps.maps.seconds),
          mib(maps.maps.resident),
          (maps.maps.seconds / maps.rows.seconds).toFixed(1),
        ],
        [
          `refit from scratch, ${count(refit.refits)} times`,
          perSecond(refit.events, refit.seconds),
          '',
          (refit.seconds / incremental).toFixed(1),
        ],
      ],
      ['', 'learning', 'resident', 'time, relative'],
    ),
  ].join('\n');
}
