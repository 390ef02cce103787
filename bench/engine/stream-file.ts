/**
 * The input of the measured process: one JSON array a line, in the form of the model's arguments, so that the measurement
 * includes neither the memory of a simulator nor decoding.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { CloudEvent, ItemData } from '../../src/bus/event/types.ts';
import type { Config } from '../../src/config/schema.ts';
import { weightsOf } from '../../src/engine/fold/projection.ts';
import { type Traits, weigh } from '../../src/engine/model/mod.ts';

/** `i`: user, item, weight and negative weight in sixteenths, time in ms; `p`: item, fields, time; `t`: user, traits. */
export type Line =
  | ['i', string, string, number, number, number]
  | ['p', string, ItemData, number]
  | ['t', string, Traits];

const CHUNK = 1 << 22;

/** Writes the events and returns how many of them are interactions. */
export async function writeStream(
  file: string,
  events: Iterable<CloudEvent> | AsyncIterable<CloudEvent>,
  config: Config,
): Promise<number> {
  const weights = weightsOf(config);
  const to = openSync(file, 'w');
  let waiting: string[] = [];
  let interactions = 0;
  const flush = (): void => {
    writeSync(to, waiting.join(''));
    waiting = [];
  };
  try {
    for await (const event of events) {
      const line = lineOf(event, weights);
      if (line === undefined) continue;
      if (line[0] === 'i') interactions++;
      waiting.push(`${JSON.stringify(line)}\n`);
      if (waiting.length === 10_000) flush();
    }
    flush();
  } finally {
    closeSync(to);
  }
  return interactions;
}

function lineOf(event: CloudEvent, weights: ReturnType<typeof weightsOf>): Line | undefined {
  const time = Date.parse(event.time ?? '');
  if (event.type === 'content.published.v1') return ['p', event.subject, event.data, time];
  if (event.type === 'user.registered.v1') return ['t', event.subject, event.data.traits ?? {}];
  if (!event.type.startsWith('user.') || !('item' in event.data)) return undefined;
  const value = 'value' in event.data ? event.data.value : undefined;
  const { weight, negative } = weigh(event.type.split('.')[1] ?? '', value, weights);
  return weight > 0 ? ['i', event.subject, event.data.item, weight, negative, time] : undefined;
}

/** The lines in batches; at most `interactions` interactions. */
export function* readStream(file: string, batch: number, interactions = Number.POSITIVE_INFINITY): Generator<Line[]> {
  const from = openSync(file, 'r');
  const buffer = Buffer.allocUnsafe(CHUNK);
  let left = interactions;
  let rest = '';
  let lines: Line[] = [];
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const length = readSync(from, buffer);
      if (length === 0) break;
      const parts = (rest + decoder.decode(buffer.subarray(0, length), { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const line = JSON.parse(part) as Line;
        if (line[0] === 'i' && left-- <= 0) {
          if (lines.length > 0) yield lines;
          return;
        }
        lines.push(line);
        if (lines.length < batch) continue;
        yield lines;
        lines = [];
      }
    }
    if (lines.length > 0) yield lines;
  } finally {
    closeSync(from);
  }
}
