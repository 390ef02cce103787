/** Reads the body of a publish request into one entry for each event. A body that is not of its media type is an error. */
import { isUtf8 } from 'node:buffer';
import { BadRequestError, BatchTooLargeError, type EventProblem } from '../errors.ts';

/** Media types of events: those of CloudEvents, lines of JSON, and plain JSON. */
export const EVENT_MEDIA = [
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'application/x-ndjson',
  'application/json',
] as const;
export type EventMedia = (typeof EVENT_MEDIA)[number];

/** One event of a body: its value, which the codec checks, or why it is not JSON. */
export type Entry = { value: unknown } | { problem: EventProblem };

/** Throws `BadRequestError` if the body is not of its media type, `BatchTooLargeError` if it has more than `maxEvents`. */
export function readEntries(media: EventMedia, body: Buffer, maxEvents: number): Entry[] {
  const entries = media === 'application/x-ndjson' ? readLines(body, maxEvents) : readDocument(media, body);
  if (entries.length > maxEvents) throw tooMany(maxEvents);
  if (entries.length === 0)
    throw new BadRequestError('The body holds no event. Send at least one.', { details: { member: 'body' } });
  return entries;
}

function readDocument(media: EventMedia, body: Buffer): Entry[] {
  const value = parse(body);
  if ('problem' in value)
    throw new BadRequestError(`The body is not JSON: ${value.problem}.`, { details: { member: 'body' } });
  const { parsed } = value;
  if (Array.isArray(parsed)) {
    if (media !== 'application/cloudevents+json') return parsed.map((event: unknown) => ({ value: event }));
    throw new BadRequestError('The body is an array, and application/cloudevents+json takes one event.', {
      next: 'send an array as application/cloudevents-batch+json',
      details: { member: 'body' },
    });
  }
  if (media === 'application/cloudevents-batch+json')
    throw new BadRequestError(
      'The body is not an array, and application/cloudevents-batch+json takes an array of events.',
      {
        next: 'send one event as application/cloudevents+json',
        details: { member: 'body' },
      },
    );
  return [{ value: parsed }];
}

const NEWLINE = 0x0a;

/** Skips empty lines and numbers the others from 0. */
function readLines(body: Buffer, maxEvents: number): Entry[] {
  const entries: Entry[] = [];
  for (let start = 0; start < body.length; ) {
    const found = body.indexOf(NEWLINE, start);
    const end = found === -1 ? body.length : found;
    const line = body.subarray(start, end);
    start = end + 1;
    if (isBlank(line)) continue;
    // Lines over the limit are not worth parsing.
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
  // Decoding would put U+FFFD in place of wrong bytes, and the log would store a text that the caller did not send.
  if (!isUtf8(bytes)) return { problem: 'it is not UTF-8' };
  try {
    return { parsed: JSON.parse(bytes.toString('utf8')) };
  } catch (err) {
    return { problem: (err as Error).message.slice(0, 200) };
  }
}

const tooMany = (max: number): BatchTooLargeError =>
  new BatchTooLargeError(`The body holds more than ${max} events, the most for one request (http.batch_events).`, {
    next: 'send several requests',
    details: { limit: max },
  });
