/** A stream learned by the model of a tree, in a process of its own: speed, quality, and lists afterwards. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CloudEvent } from '../../src/bus/event/types.ts';
import { engineConfig } from '../accuracy/recommenders/engine.ts';
import { jsonOf } from '../child.ts';
import { imported } from '../engine/engine.ts';
import type { ListTimes } from '../engine/measure.ts';
import { writeStream } from '../engine/stream-file.ts';
import type { RowOptions } from './options.ts';
import type { Measurement } from './row.ts';
import { simulatedEvents } from './simulated.ts';

export interface LearnedFigures {
  events: number;
  /** Seconds in the model for all events, catalogue included. */
  seconds: number;
  /** Processor seconds of all threads meanwhile. */
  cpu: number;
  /** Interactions and lists from which the ranker learned. */
  examples: number;
  /** Of the model's own report on its long window, at 10. */
  quality: { events: number; hr: number; ndcg: number };
  lists: ListTimes;
}

export interface LearnOptions {
  root: string;
  file: string;
  /** Interactions in the file. */
  events: number;
  catalogued: boolean;
  lists: number;
  /** Whether a second thread learns beside, in a tree that can. */
  beside: boolean;
  /** Title of the progress. */
  title: string;
}

interface Stream {
  file: string;
  events: number;
  catalogued: boolean;
}

/** `data`: the files of --inter and --item; `catalogue`: the simulated one. */
export type StreamName = 'data' | 'catalogue';

const CHILD = fileURLToPath(new URL('./learn.child.ts', import.meta.url));

/** Learns the stream, at most once in each round of a tree. */
export function learned(
  which: StreamName,
  measurement: Measurement,
  { beside = false }: Partial<Pick<LearnOptions, 'beside'>> = {},
): Promise<LearnedFigures> {
  const { tree, options, onceInRun, onceInRound } = measurement;
  return onceInRound(`learned ${which}${beside ? ' in two threads' : ''}`, async () => {
    const stream = await onceInRun(`stream ${which}`, () => write(which, measurement));
    const title = `learning ${which === 'data' ? 'the data' : 'the simulated catalogue'} in ${tree.name}`;
    const given: LearnOptions = { ...stream, root: tree.root, lists: beside ? 0 : options.lists, beside, title };
    // The sources of both trees run the same way, and the bundle of this tree could not import those of another.
    const args = ['--import', import.meta.resolve('tsx'), CHILD, JSON.stringify(given)];
    return jsonOf<LearnedFigures>(args, title);
  });
}

async function write(which: StreamName, { folder, options }: Measurement): Promise<Stream> {
  const file = join(folder, `${which}.jsonl`);
  const catalogued = which === 'catalogue' || options.item !== undefined;
  const events = await writeStream(file, await eventsOf(which, options), engineConfig({ catalogued }));
  return { file, events, catalogued };
}

async function eventsOf(
  which: StreamName,
  { inter, item, catalogueItems: items, catalogueUsers: users, catalogueEvents: events }: RowOptions,
): Promise<Iterable<CloudEvent> | AsyncIterable<CloudEvent>> {
  if (which === 'data') return imported(inter as string, item);
  return simulatedEvents({ items, users, events });
}
