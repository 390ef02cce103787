/** From the body of a request to publish to one entry for each event; what can't be read at all is an error. */
import { isUtf8 } from 'node:buffer';
import { BadRequestError, BatchTooLargeError, type EventProblem } from '../errors.ts';

/** Media types of events, as CloudEvents names them, and plain JSON for those who don't. */
export const EVENT_MEDIA = [
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'application/x-ndjson',
  'application/json',
] as const;
export type EventMedia = (typeof EVENT_MEDIA)[number];

/** What stands for one event: a value still to be checked, or why there is none. */
export type Entry = { value: unknown } | { problem: EventProblem };

/** Throws `BadRequestError` for what isn't of its media type, `BatchTooLargeError` for more than `maxEvents`. */
export function readEntries(media: EventMedia, body: Buffer, maxEvents: number): Entry[] {
  const entries = media === 'application/x-ndjson' ? readLines(body, maxEvents) : readDocument(media, body);
  if (entries.length > maxEvents) throw tooMany(maxEvents);
  if (entries.length === 0) throw new BadRequestError('The body holds no event.', { details: { member: 'body' } });
  return entries;
}

function readDocument(media: EventMedia, body: Buffer): Entry[] {
  const value = parse(body);
  if ('problem' in value)
    throw new BadRequestError(`The body is not JSON: ${value.problem}.`, { details: { member: 'body' } });
  const { parsed } = value;
  if (Array.isArray(parsed)) {
    if (media !== 'application/cloudevents+json') return parsed.map((event: unknown) => ({ value: event }));
    throw new BadRequestError('application/cloudevents+json takes one event.', {
      next: 'send an array as application/cloudevents-batch+json',
      details: { member: 'body' },
    });
  }
  if (media === 'application/cloudevents-batch+json')
    throw new BadRequestError('application/cloudevents-batch+json takes an array of events.', {
      next: 'send one event as application/cloudevents+json',
      details: { member: 'body' },
    });
  return [{ value: parsed }];
}

const NEWLINE = 0x0a;

/** Empty lines count for nothing; the others are numbered from 0. */
function readLines(body: Buffer, maxEvents: number): Entry[] {
  const entries: Entry[] = [];
  for (let start = 0; start < body.length; ) {
    const found = body.indexOf(NEWLINE, start);
    const end = found === -1 ? body.length : found;
    const line = body.subarray(start, end);
    start = end + 1;
    if (isBlank(line)) continue;
    // What is over the limit isn't parsed.
    if (entries.length >= maxEvents) throw tooMany(maxEvents);
    const value = parse(line);
    if ('problem' in value)
      entries.push({
        problem: { code: 'FRESHET_EVENT_MALFORMED', message: `The line is not JSON: ${value.problem}.` },
      });
    else entries.push({ value: value.parsed });
  }
  return entries;
}

const isBlank = (line: Buffer): boolean => line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);

function parse(bytes: Buffer): { parsed: unknown } | { problem: string } {
  if (bytes.length === 0) return { problem: 'it is empty' };
  // Decoding would put U+FFFD where the bytes are wrong, and store what nobody sent.
  if (!isUtf8(bytes)) return { problem: 'it is not UTF-8' };
  try {
    return { parsed: JSON.parse(bytes.toString('utf8')) };
  } catch (err) {
    return { problem: (err as Error).message.slice(0, 200) };
  }
}

const tooMany = (max: number): BatchTooLargeError =>
  new BatchTooLargeError(`The body holds more than ${max} events, the most for one request (http.batch_events).`, {
    next: 'send it in parts',
    details: { limit: max },
  });
