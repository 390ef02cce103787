/**
 * Files of lines `user item item ...`, in the order of time but without times, and attributes as JSON,
 * `{item: [attribute, ...]}`: papers on sequences share the Amazon reviews in this form (S3-Rec, Zhou et al. 2020).
 */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { EventCodec } from '../../../src/bus/event/codec.ts';
import type { CloudEvent } from '../../../src/bus/event/types.ts';
import { createRandom } from '../../../src/demo/random.ts';
import { UsageError } from '../../../src/errors.ts';
import { createDataSetBuilder, type DataSet } from './data-set.ts';

export const START_MS = Date.UTC(2020, 0, 1);
const STEP_MS = 1_000;
const SOURCE = 'import-lines';
/** Seed of the order of the stream. It is not the seed of an evaluation, which must not change the learned events. */
const INTERLEAVING_SEED = 1;

interface Step {
  user: string;
  item: string;
  at: number;
}

export function readLines(path: string, attributes: string | undefined, codec: EventCodec): DataSet {
  const steps = interleave(parseLines(readFileSync(path, 'utf8'), path));
  const builder = createDataSetBuilder(codec);
  if (attributes !== undefined) {
    const tags = parseAttributes(readFileSync(attributes, 'utf8'), attributes);
    for (const item of new Set([...steps.map(({ item }) => item), ...tags.keys()]))
      builder.add(published(item, tags.get(item) ?? []));
  }
  for (const [place, { user, item }] of steps.entries()) builder.add(viewed(user, item, place));
  return builder.build({ name: basename(path).replace(/\..*$/, ''), held: 2 });
}

/** The history of each user, in the order of the lines. */
export function parseLines(text: string, path: string): { user: string; items: string[] }[] {
  const lines = text.split('\n').map((line) => line.trim());
  const histories = lines.flatMap((line, at) => {
    if (line === '') return [];
    const [user, ...items] = line.split(/\s+/);
    if (user === undefined || items.length === 0)
      throw new UsageError(`${path}:${at + 1} holds no item after the user.`, {
        next: 'each line is a user and the items in order of time, separated by blanks',
      });
    return [{ user, items }];
  });
  return histories;
}

/**
 * One stream from histories without times: the events of each user fall uniformly over it, in their own order. In a stream
 * of one user after the other, the last users would meet full statistics and the first ones empty ones, unlike in a real
 * stream.
 */
export function interleave(histories: readonly { user: string; items: readonly string[] }[]): Step[] {
  const random = createRandom(INTERLEAVING_SEED);
  const steps = histories.flatMap(({ user, items }) => {
    const times = items.map(() => random.next()).sort((a, b) => a - b);
    return items.map((item, place): Step => ({ user, item, at: times[place] as number }));
  });
  return steps.sort((a, b) => a.at - b.at);
}

function parseAttributes(text: string, path: string): Map<string, string[]> {
  const wrong = new UsageError(`${path} does not say which attributes which item has.`, {
    next: 'it is one JSON object: {"item": ["attribute", ...], ...}',
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw wrong;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw wrong;
  const tags = new Map<string, string[]>();
  for (const [item, values] of Object.entries(parsed)) {
    if (!Array.isArray(values)) throw wrong;
    tags.set(item, [...new Set(values.map(String))]);
  }
  return tags;
}

function published(item: string, tags: readonly string[]): CloudEvent {
  return {
    specversion: '1.0',
    id: `published-${item}`,
    source: SOURCE,
    type: 'content.published.v1',
    subject: item,
    time: new Date(START_MS - 1).toISOString(),
    // An item without a title gets its id as its title, as in an import.
    data: { title: item, ...(tags.length === 0 ? {} : { tags: [...tags] }) },
  };
}

export const viewed = (user: string, item: string, place: number): CloudEvent => ({
  specversion: '1.0',
  id: `viewed-${place}`,
  source: SOURCE,
  type: 'user.viewed.v1',
  subject: user,
  time: new Date(START_MS + place * STEP_MS).toISOString(),
  data: { item },
});

/** Whether a file has this form, rather than a header or other separators. */
export function isLines(path: string): boolean {
  if (/\.(inter|csv|tsv|jsonl|gz)$/i.test(path) || statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    return false;
  const head = readHead(path).split('\n').slice(0, -1);
  // Lines of a fixed number of columns would be a table: user, item, rating, time.
  return (
    head.length > 0 &&
    head.every((line) => /^[^\s,;|:]+( [^\s,;|:]+)+\s*$/.test(line)) &&
    new Set(head.map((line) => line.trim().split(' ').length)).size > 1
  );
}

function readHead(path: string): string {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(65_536);
    return `${buffer.subarray(0, readSync(file, buffer)).toString('utf8')}`;
  } finally {
    closeSync(file);
  }
}
