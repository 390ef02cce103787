import { idProblem } from '../../bus/event/ids.ts';
import { parseType } from '../../bus/event/types.ts';
import { ImportFormatError, messageOf } from '../../errors.ts';
import { mapFor } from '../columns.ts';
import { type Draft, reject, rejectId, shown } from '../drafts.ts';
import { nameOfData } from '../identity.ts';
import { draftsByLine, readLines } from '../lines.ts';
import type { SourceFile } from '../source-file.ts';
import { parseDate } from '../time/units.ts';
import { readExport } from './exports/mod.ts';
import { type Format, ignored, type Reading } from './format.ts';
import { objectIn, readObjects } from './objects.ts';

const NAME = /\.(?:jsonl|ndjson|jsonlines)$/i;
const JSON_NAME = /\.json$/i;

/** Lines by which to tell CloudEvents from other objects. */
const SAMPLES = 200;

/**
 * JSON lines: of CloudEvents, the form that `freshet` reads and writes, or of other objects by a map or by the usual names
 * of their members. Keeps ids and sources of CloudEvents, and validates only what the order of events needs; publishing
 * validates the data.
 */
export const jsonl: Format = {
  name: 'jsonl',
  open(file, options) {
    const lines = file.head.filter((line) => line.trim() !== '').slice(0, SAMPLES);
    const first = lines[0] ?? '';
    const own = mapFor(options.map, file.name);
    const named = NAME.test(file.name);
    const objects = lines.map(objectIn).filter((object) => object !== undefined);
    const looksLikeEvents = first.startsWith('{') && lines.some((line) => line.includes('"specversion"'));
    if (options.map) {
      if (objects.length === 0) return options.forced || named ? notLines(file, first) : undefined;
      return own ? readObjects(file, objects, own, options) : ignored('the map does not name it');
    }
    if (looksLikeEvents) return events(file);
    if (!named && !options.forced && !(JSON_NAME.test(file.name) && /^\s*[[{]/.test(first))) return undefined;
    // Lines that are not even objects are rejected one by one, with their reasons.
    if (objects.length === 0) return notLines(file, first);
    return readExport(file, objects, options) ?? readObjects(file, objects, undefined, options);
  },
  nameOf: (names) => nameOfData(names, 'jsonl'),
};

/** A document instead of lines is refused; lines with errors are rejected one by one. */
function notLines(file: SourceFile, first: string): Reading {
  if (!/^\s*[[{]/.test(first)) return events(file);
  throw new ImportFormatError(`${file.path} is JSON, but not with one object per line.`, {
    next: `write it as lines: jq -c '.[]' ${file.path} > ${file.path.replace(/\.json$/i, '')}.jsonl`,
    details: { path: file.path, seems: 'other' },
  });
}

const events = (file: SourceFile): Reading => ({
  role: 'events',
  note: 'CloudEvents, one per line',
  headerLines: 0,
  drafts: (options) => draftsByLine(readLines(file.path, { ...options, compressed: file.compressed }), 1, draftOfEvent),
});

const IDS = ['id', 'source', 'subject'] as const;

function draftOfEvent(json: string, line: number): Draft {
  let event: unknown;
  try {
    event = JSON.parse(json);
  } catch (err) {
    return reject(line, 'FRESHET_EVENT_MALFORMED', `the line is not JSON: ${messageOf(err)}`);
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    return reject(line, 'FRESHET_EVENT_ENVELOPE', 'the line is not a JSON object');
  }
  const envelope = event as Record<string, unknown>;
  if (envelope.specversion !== '1.0') {
    return reject(line, 'FRESHET_EVENT_ENVELOPE', 'specversion is not "1.0"');
  }
  for (const name of [...IDS, 'type'] as const) {
    if (typeof envelope[name] !== 'string') {
      return reject(line, 'FRESHET_EVENT_ENVELOPE', `${name} is ${name in envelope ? 'not a string' : 'missing'}`);
    }
  }
  for (const name of IDS) {
    const id = envelope[name] as string;
    if (idProblem(id) !== undefined) return rejectId(line, name, id) as Draft;
  }
  const type = parseType(envelope.type as string);
  if (!type)
    return reject(
      line,
      'FRESHET_EVENT_TYPE_UNKNOWN',
      `Freshet does not know the type ${shown(envelope.type as string)}`,
    );
  if (type.context === 'control') {
    return reject(line, 'FRESHET_EVENT_CONTROL_REFUSED', 'only Freshet writes control events');
  }
  if (typeof envelope.data !== 'object' || envelope.data === null) {
    return reject(line, 'FRESHET_EVENT_ENVELOPE', `data is ${'data' in envelope ? 'not an object' : 'missing'}`);
  }
  if (envelope.time === undefined) return { kind: 'event', line, time: undefined, json };
  const time = typeof envelope.time === 'string' ? parseDate(envelope.time) : undefined;
  return time === undefined
    ? reject(line, 'FRESHET_IMPORT_ROW_TIME', 'time is not an RFC 3339 time such as "2026-11-23T10:00:00Z"')
    : { kind: 'event', line, time, json };
}
