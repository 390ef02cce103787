import { idProblem } from '../../bus/event/ids.ts';
import { parseType } from '../../bus/event/types.ts';
import { messageOf } from '../../errors.ts';
import { type Draft, reject, rejectId, shown } from '../drafts.ts';
import { nameOfData } from '../identity.ts';
import { draftsByLine, readLines } from '../lines.ts';
import { parseDate } from '../time/units.ts';
import type { Format } from './format.ts';

const NAME = /\.(?:jsonl|ndjson|jsonlines)$/i;

/**
 * JSON lines of CloudEvents, the form that `freshet` reads and writes. Keeps ids and sources. Validates only what the
 * order of events needs; publishing validates the data.
 */
export const jsonl: Format = {
  name: 'jsonl',
  open(file, { forced }) {
    const first = file.head.find((line) => line.trim() !== '') ?? '';
    const looksLikeEvents = first.startsWith('{') && first.includes('"specversion"');
    if (!NAME.test(file.name) && !looksLikeEvents && !forced) return undefined;
    return {
      role: 'events',
      note: 'CloudEvents, one per line',
      headerLines: 0,
      drafts: (options) =>
        draftsByLine(readLines(file.path, { ...options, compressed: file.compressed }), 1, draftOfEvent),
    };
  },
  nameOf: (names) => nameOfData(names, 'jsonl'),
};

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
