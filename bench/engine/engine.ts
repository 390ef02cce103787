/** The engine in process: streams, and measurements of each in separate processes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { CloudEvent } from '../../src/bus/event/types.ts';
import type { Config } from '../../src/config/schema.ts';
import { createSimulation } from '../../src/demo/simulator.ts';
import { openImport } from '../../src/import/mod.ts';
import { engineConfig } from '../accuracy/recommenders/engine.ts';
import { jsonOf } from '../child.ts';
import {
  type CountsFigures,
  type EngineFigures,
  type MeasureOptions,
  measureCounts,
  measureEngine,
  measureMaps,
  measureRefit,
  type Part,
  type RefitFigures,
} from './measure.ts';
import { writeStream } from './stream-file.ts';

export interface EngineBenchOptions {
  /** Files of interactions and items, in a format of the import. */
  inter: string | undefined;
  item: string | undefined;
  /** The simulated stream; 0 events: none. */
  events: number;
  users: number;
  items: number;
  /** Number of timed lists. */
  lists: number;
  /** Interactions between two refits from scratch. */
  refitEvery: number;
  /** Most interactions for the measurements of maps and refits. */
  compared: number;
  say: (line: string) => void;
}

export interface StreamFigures {
  stream: string;
  counts: CountsFigures;
  engine: EngineFigures;
  /** Both of the first {@link EngineBenchOptions.compared} interactions. */
  maps: { maps: CountsFigures; rows: CountsFigures };
  refit: RefitFigures;
}

const SEED = 7;
/** End of the simulated time; any value will do, because the benchmark reads no clock. */
const END = Date.UTC(2026, 0, 1);

interface Stream {
  name: string;
  catalogued: boolean;
  events: Iterable<CloudEvent> | AsyncIterable<CloudEvent>;
}

export async function runEngineBench(options: EngineBenchOptions): Promise<StreamFigures[]> {
  const folder = mkdtempSync(join(tmpdir(), 'freshet-engine-bench-'));
  const figures: StreamFigures[] = [];
  try {
    for (const { name, catalogued, events } of await streamsOf(options)) {
      const file = join(folder, 'stream.jsonl');
      options.say(`${name}: writing the stream`);
      const interactions = await writeStream(file, events, engineConfig({ catalogued }));
      const { lists, refitEvery } = options;
      const all = { file, events: interactions, catalogued, lists, refitEvery };
      const some = { ...all, events: Math.min(interactions, options.compared) };
      const run = <T>(part: Part, measured: MeasureOptions): Promise<T> => {
        options.say(`${name}: ${part}, ${measured.events.toLocaleString('en')} interactions`);
        return jsonOf<T>(argumentsOf(part, measured), `measuring ${part}`);
      };
      figures.push({
        stream: name,
        counts: await run<CountsFigures>('counts', all),
        engine: await run<EngineFigures>('engine', all),
        maps: { maps: await run<CountsFigures>('maps', some), rows: await run<CountsFigures>('counts', some) },
        refit: await run<RefitFigures>('refit', some),
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return figures;
}

async function streamsOf({ inter, item, events, users, items }: EngineBenchOptions): Promise<Stream[]> {
  const streams: Stream[] = [];
  if (inter !== undefined)
    streams.push({ name: basename(inter), catalogued: item !== undefined, events: await imported(inter, item) });
  if (events > 0) {
    const simulation = createSimulation({ seed: SEED, end: END, readers: users, events, items });
    streams.push({
      name: `simulated, ${events.toLocaleString('en')} events`,
      catalogued: true,
      events: simulation.events(),
    });
  }
  return streams;
}

/** The events of files of interactions and items, in a format of the import. */
export async function imported(inter: string, item?: string): Promise<AsyncIterable<CloudEvent>> {
  const plan = await openImport(item === undefined ? [inter] : [inter, item]);
  return (async function* () {
    for await (const row of plan.events()) if (row.kind === 'event') yield row.event;
  })();
}

/** Arguments that run a part in another process of this program. */
const argumentsOf = (part: Part, options: MeasureOptions): string[] => [
  '--expose-gc',
  process.argv[1] as string,
  'engine',
  '--measure',
  part,
  JSON.stringify(options),
];

export function measurePart(part: Part, options: MeasureOptions): object {
  const config: Config = engineConfig(options);
  switch (part) {
    case 'counts':
      return measureCounts(config, options);
    case 'engine':
      return measureEngine(config, options);
    case 'maps':
      return measureMaps(options);
    case 'refit':
      return measureRefit(config, options);
  }
}
