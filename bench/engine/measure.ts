/** The measurements of one process on one stream. Each part has a process of its own, so that the memory is only its own. */
import { itemId, userId } from '../../src/bus/event/ids.ts';
import type { Config } from '../../src/config/schema.ts';
import { createRandom } from '../../src/demo/random.ts';
import { emptyModel } from '../../src/engine/fold/model-fold.ts';
import type { Model } from '../../src/engine/model/mod.ts';
import { cpuClock } from '../cpu-clock.ts';
import { createMapRows } from './map-rows.ts';
import { type Line, readStream } from './stream-file.ts';

/** `counts`: the statistics alone; `engine`: all of it; `maps`: rows as maps; `refit`: counts everything again and again. */
export const PARTS = ['counts', 'engine', 'maps', 'refit'] as const;
export type Part = (typeof PARTS)[number];

export interface MeasureOptions {
  file: string;
  /** Most interactions to read. */
  events: number;
  /** Whether the stream has a catalogue. */
  catalogued: boolean;
  /** Number of lists to compute. */
  lists: number;
  /** Interactions between two refits. */
  refitEvery: number;
}

/** Milliseconds, and lists per second. */
export interface ListTimes {
  p50: number;
  p99: number;
  max: number;
  perSecond: number;
  /** Lists per second of processor time. */
  perCpuSecond: number;
}

export interface EngineFigures {
  events: number;
  users: number;
  items: number;
  /** Interactions from which the ranker learned; `seconds` includes their scoring. */
  examples: number;
  /** Seconds spent in the model for all events. */
  seconds: number;
  recommend: ListTimes;
  snapshot: { bytes: number; writeSeconds: number; readSeconds: number };
  pairs: number;
  /** Bytes of the pair rows per stored pair. */
  bytesPerPair: number;
  /** Resident memory of the process, bytes, after each tenth of the events; the last one is after all lists. */
  resident: number[];
}

export interface CountsFigures {
  events: number;
  seconds: number;
  /** Resident memory, bytes. */
  resident: number;
  pairs: number;
}

export interface RefitFigures {
  events: number;
  refits: number;
  seconds: number;
}

const BATCH = 1_000;
const WARM_UP = 200;

/** Settings without scoring, neither to learn nor to measure. */
const countsOnly = (config: Config): Config => ({
  ...config,
  engine: { ...config.engine, ranker_form: 'none', prequential_every: Number.MAX_SAFE_INTEGER },
});

const rss = (): number => {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage.rss();
};

/** Gives one line to a model; `seq` is its place in the stream. */
export function tell(
  model: Pick<Model, 'clock' | 'interact' | 'publishItem' | 'setTraits'>,
  line: Line,
  seq: number,
): void {
  if (line[0] === 'i') {
    const [, user, item, weight, negative, time] = line;
    model.clock = time;
    model.interact({ user: userId(user), item: itemId(item), weight, negative, time, seq });
  } else if (line[0] === 'p') model.publishItem(itemId(line[1]), line[2], line[3]);
  else model.setTraits(userId(line[1]), line[2]);
}

export function measureCounts(config: Config, { file, events }: MeasureOptions): CountsFigures {
  const model = emptyModel(countsOnly(config));
  let seconds = 0;
  let seq = 0;
  for (const lines of readStream(file, BATCH, events)) {
    const interactions = lines.filter((line) => line[0] === 'i');
    const started = performance.now();
    for (const line of interactions) tell(model, line, ++seq);
    seconds += (performance.now() - started) / 1_000;
  }
  return { events: seq, seconds, resident: rss(), pairs: model.stats().pairs };
}

export function measureEngine(config: Config, { file, events, lists }: MeasureOptions): EngineFigures {
  const model = emptyModel(config);
  const resident: number[] = [];
  const users = new Set<string>();
  let seconds = 0;
  let seq = 0;
  let told = 0;
  for (const lines of readStream(file, BATCH, events)) {
    for (const line of lines) if (line[0] === 'i') users.add(line[1]);
    const started = performance.now();
    for (const line of lines) tell(model, line, ++seq);
    seconds += (performance.now() - started) / 1_000;
    for (const line of lines) if (line[0] === 'i') told++;
    if (told >= ((resident.length + 1) * events) / 10) resident.push(rss());
  }
  const recommend = timeLists(model, [...users], lists, config.engine.list_length);
  resident.push(rss());
  const { events: learned, users: known, items, pairs, bytes } = model.stats();
  const writing = performance.now();
  const state = model.exportState();
  const writeSeconds = (performance.now() - writing) / 1_000;
  const reading = performance.now();
  emptyModel(config).importState(state);
  const readSeconds = (performance.now() - reading) / 1_000;
  return {
    events: learned,
    users: known,
    items,
    examples: model.stats().ranker.steps,
    seconds,
    recommend,
    snapshot: { bytes: state.length, writeSeconds, readSeconds },
    pairs,
    bytesPerPair: bytes.pairs / Math.max(pairs, 1),
    resident,
  };
}

/** Computes lists of users drawn at random, one after the other. */
export function timeLists(
  model: Pick<Model, 'recommend'>,
  users: readonly string[],
  lists: number,
  length: number,
): ListTimes {
  const random = createRandom(1);
  const times: number[] = [];
  let working = cpuClock();
  for (let list = -WARM_UP; list < lists; list++) {
    const user = users[random.below(users.length)] as string;
    if (list === 0) working = cpuClock();
    const started = performance.now();
    model.recommend({ user: userId(user), n: length });
    if (list >= 0) times.push(performance.now() - started);
  }
  const cpu = working();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const seconds = times.reduce((sum, ms) => sum + ms, 0) / 1_000;
  return { p50: at(0.5), p99: at(0.99), max: times.at(-1) ?? 0, perSecond: lists / seconds, perCpuSecond: lists / cpu };
}

export function measureMaps({ file, events }: MeasureOptions): CountsFigures {
  const rows = createMapRows();
  let seconds = 0;
  let count = 0;
  for (const lines of readStream(file, BATCH, events)) {
    const interactions = lines.filter((line) => line[0] === 'i');
    const started = performance.now();
    for (const line of interactions) rows.count(line[1], line[2] as string, line[3] as number);
    seconds += (performance.now() - started) / 1_000;
    count += interactions.length;
  }
  return { events: count, seconds, resident: rss(), pairs: rows.pairs() };
}

/** Counts all histories from scratch after every `refitEvery` events, like an engine without incremental statistics. */
export function measureRefit(config: Config, { file, events, refitEvery }: MeasureOptions): RefitFigures {
  const plain = countsOnly(config);
  const model = emptyModel(plain);
  let refits = 0;
  let seconds = 0;
  let seq = 0;
  for (const lines of readStream(file, BATCH, events)) {
    for (const line of lines) {
      if (line[0] !== 'i') continue;
      tell(model, line, ++seq);
      if (seq % refitEvery !== 0) continue;
      const state = model.exportState();
      const started = performance.now();
      emptyModel(plain).importState(state);
      seconds += (performance.now() - started) / 1_000;
      refits++;
    }
  }
  return { events: seq, refits, seconds };
}
