/**
 * From bytes to events and back. What the log holds is decoded here, once for each service and message; what an app
 * publishes is prepared here, by the same rules, so that nothing is accepted that a projection would set aside.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { Format } from 'typebox/format';
import { type EventProblem, messageOf } from '../../errors.ts';
import { canonicalJson, UncanonicalError } from './canonical.ts';
import { type EventIdentity, eventIdentity, idProblem, type StreamSeq } from './ids.ts';
import { eventSubject, parseEventSubject } from './subject.ts';
import { parseTimestamp } from './time.ts';
import {
  DECLARED_INTERACTION,
  EVENT_DATA,
  type EventContext,
  type EventType,
  type InteractionData,
  type InteractionType,
  parseType,
} from './types.ts';
import { upcast } from './upcast.ts';

/** A message as the log holds it. */
export interface StoredMessage {
  seq: StreamSeq;
  subject: string;
  payload: Uint8Array;
  /** When the log took it, milliseconds since 1970. */
  timestamp: number;
}

interface LoggedEnvelope<T extends string, D> {
  seq: StreamSeq;
  identity: EventIdentity;
  /** SHA-256 of what the event says, first 16 bytes: the same identity with another one is a re-used id. */
  fingerprint: Buffer;
  type: T;
  context: EventContext;
  verb: string;
  /** Entity: user id, item id, or id of the act. */
  subject: string;
  id: string;
  source: string;
  /** When it happened (event time), milliseconds since 1970. */
  time: number;
  /** When the log took it, milliseconds since 1970. */
  timestamp: number;
  data: D;
}

type Data = typeof EVENT_DATA;

/** An event as projections get it: checked, upcast, at its position. */
export type LoggedEvent =
  | { [T in EventType]: LoggedEnvelope<T, Static<Data[T]>> }[EventType]
  | LoggedEnvelope<`user.x_${string}.v1`, InteractionData>;

/** Everything a user does to an item, the app's own verbs included; the rest of `user.*` is about the user alone. */
export type InteractionEvent = Extract<LoggedEvent, { type: InteractionType }>;

const ABOUT_USERS: ReadonlySet<string> = new Set<EventType>([
  'user.registered.v1',
  'user.updated.v1',
  'user.linked.v1',
  'user.retracted.v1',
]);

/** By type, never by what the data happens to hold: schemas allow further members, also one named `item`. */
export const isInteraction = (event: LoggedEvent): event is InteractionEvent =>
  event.context === 'user' && !ABOUT_USERS.has(event.type);

export type Decoded =
  | { kind: 'event'; event: LoggedEvent }
  /** A type that this version does not know: counted and passed over. */
  | { kind: 'unknown-type'; type: string }
  | { kind: 'dead'; problem: EventProblem };

/** An event ready to be published. */
export interface PreparedEvent {
  subject: string;
  identity: EventIdentity;
  /** One line of JSON, UTF-8. */
  payload: Uint8Array;
}

export type Prepared = { ok: true; prepared: PreparedEvent } | { ok: false; problem: EventProblem };

export interface EventCodec {
  /** Never throws: what cannot be an event is a value of its own. */
  decode(message: StoredMessage): Decoded;
  /** Checks what an app wants to publish; `control.*` is refused unless `control` is set. */
  prepare(event: unknown, options?: { control?: boolean }): Prepared;
  /** The declared interaction types, `user.x_<verb>.v1`, sorted. */
  readonly declared: readonly string[];
}

interface Validator {
  Check(value: unknown): boolean;
  Errors(value: unknown): { instancePath: string; message: string }[];
}

Format.Set('date-time', (text) => parseTimestamp(text) !== undefined);

const VALIDATORS = new Map<string, Validator>(
  Object.entries(EVENT_DATA).map(([type, schema]) => [type, Compile(schema)]),
);
const INTERACTION_VALIDATOR: Validator = Compile(DECLARED_INTERACTION);
const KNOWN_VERBS = new Set(Object.keys(EVENT_DATA).map((type) => type.slice(0, type.lastIndexOf('.'))));

export interface CodecOptions {
  /** Verbs of the app's own interactions, as the configuration declares them: `x_listened`, ... */
  declared?: readonly string[];
  /** Bytes of a payload that may be published. */
  maxEventBytes?: number;
}

const problem = (code: EventProblem['code'], message: string): { problem: EventProblem } => ({
  problem: { code, message },
});

interface Examined {
  event: Record<string, unknown> & { id: string; source: string; subject: string };
  type: string;
  context: EventContext;
  verb: string;
  time: number | undefined;
  data: unknown;
  fingerprint: Buffer;
}

type Examination = { examined: Examined } | { problem: EventProblem } | { unknownType: string };

export function createCodec({ declared = [], maxEventBytes = 512 * 1024 }: CodecOptions = {}): EventCodec {
  const validators = new Map(VALIDATORS);
  const verbs = new Set(KNOWN_VERBS);
  for (const verb of declared) {
    validators.set(`user.${verb}.v1`, INTERACTION_VALIDATOR);
    verbs.add(`user.${verb}`);
  }

  function examine(value: unknown): Examination {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return problem('FRESHET_EVENT_MALFORMED', 'An event is a JSON object.');
    const event = value as Record<string, unknown>;
    const envelope = envelopeProblem(event);
    if (envelope) return { problem: envelope };
    const name = parseType(event.type as string);
    if (!name) return { unknownType: event.type as string };
    if (!verbs.has(`${name.context}.${name.verb}`)) return { unknownType: event.type as string };
    const { type, data } = upcast(event.type as string, event.data);
    const validator = validators.get(type);
    if (!validator)
      return problem(
        'FRESHET_EVENT_VERSION_UNKNOWN',
        `Version ${name.version} of ${name.context}.${name.verb} is not known.`,
      );
    let canonical: string;
    try {
      canonical = canonicalJson(data);
    } catch (err) {
      if (!(err instanceof UncanonicalError)) throw err;
      return problem('FRESHET_EVENT_MALFORMED', `The event's data ${err.message}.`);
    }
    if (!validator.Check(data)) return problem('FRESHET_EVENT_SCHEMA', schemaMessage(validator, type, data));
    const badId = dataIdProblem(type, data as Record<string, unknown>);
    if (badId) return problem('FRESHET_EVENT_ID_INVALID', badId);
    const time = event.time === undefined ? undefined : parseTimestamp(event.time as string);
    // Extension attributes stay out: a retry with another trace id says the same.
    const fingerprint = digest16(`${event.type}\n${event.subject}\n${time ?? ''}\n${canonical}`);
    return {
      examined: {
        event: event as Examined['event'],
        type,
        context: name.context,
        verb: name.verb,
        time,
        data,
        fingerprint,
      },
    };
  }

  function decode(message: StoredMessage): Decoded {
    const parsed = parsePayload(message.payload);
    if ('problem' in parsed) return { kind: 'dead', ...parsed };
    const result = examine(parsed.value);
    if ('problem' in result) return { kind: 'dead', problem: result.problem };
    if ('unknownType' in result) return { kind: 'unknown-type', type: result.unknownType };
    const { event, type, context, verb, time, data, fingerprint } = result.examined;
    const mismatch = subjectMismatch(message.subject, context, event.subject, verb);
    if (mismatch) return { kind: 'dead', ...problem('FRESHET_EVENT_SUBJECT_MISMATCH', mismatch) };
    return {
      kind: 'event',
      event: {
        seq: message.seq,
        identity: eventIdentity(event.source, event.id),
        fingerprint,
        type,
        context,
        verb,
        subject: event.subject,
        id: event.id,
        source: event.source,
        time: time ?? message.timestamp,
        timestamp: message.timestamp,
        data,
      } as LoggedEvent,
    };
  }

  function prepare(value: unknown, { control = false }: { control?: boolean } = {}): Prepared {
    const result = examine(value);
    if ('problem' in result) return { ok: false, problem: result.problem };
    if ('unknownType' in result)
      return {
        ok: false,
        ...problem(
          'FRESHET_EVENT_TYPE_UNKNOWN',
          `The type ${JSON.stringify(result.unknownType.slice(0, 200))} is not known; an interaction of your own is declared in the configuration (events.declared).`,
        ),
      };
    const { event, context, verb } = result.examined;
    if (context === 'control' && !control)
      return { ok: false, ...problem('FRESHET_EVENT_CONTROL_REFUSED', 'Control events are written by Freshet alone.') };
    let payload: Buffer;
    try {
      payload = Buffer.from(JSON.stringify(value), 'utf8');
    } catch (err) {
      // RangeError: an extension attribute that is nested beyond the writer's stack.
      return {
        ok: false,
        ...problem('FRESHET_EVENT_MALFORMED', `The event can't be written as JSON: ${messageOf(err)}.`),
      };
    }
    if (payload.length > maxEventBytes)
      return {
        ok: false,
        ...problem(
          'FRESHET_EVENT_TOO_LARGE',
          `The event has ${payload.length} bytes; the limit is ${maxEventBytes} (events.max_bytes).`,
        ),
      };
    return {
      ok: true,
      prepared: {
        subject: eventSubject(context, event.subject, verb),
        identity: eventIdentity(event.source, event.id),
        payload,
      },
    };
  }

  return { decode, prepare, declared: [...declared].sort() };
}

function parsePayload(payload: Uint8Array): { value: unknown } | { problem: EventProblem } {
  if (!isUtf8(payload)) return problem('FRESHET_EVENT_MALFORMED', 'The payload is not UTF-8.');
  try {
    return { value: JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')) };
  } catch (err) {
    // SyntaxError, or RangeError for nesting that exhausts the parser's stack.
    return problem('FRESHET_EVENT_MALFORMED', `The payload is not JSON: ${(err as Error).message.slice(0, 200)}.`);
  }
}

function envelopeProblem(event: Record<string, unknown>): EventProblem | undefined {
  const wrong = (message: string) => problem('FRESHET_EVENT_ENVELOPE', message).problem;
  if (event.specversion !== '1.0') return wrong('specversion has to be "1.0" (CloudEvents).');
  if (typeof event.type !== 'string' || event.type.length === 0 || event.type.length > 256)
    return wrong('type has to be a text such as "user.viewed.v1".');
  if (event.datacontenttype !== undefined && event.datacontenttype !== 'application/json')
    return wrong('datacontenttype has to be "application/json".');
  if (event.time !== undefined && (typeof event.time !== 'string' || parseTimestamp(event.time) === undefined))
    return wrong('time has to be an RFC 3339 time such as "2026-11-23T10:00:00.000Z".');
  for (const name of ['id', 'source', 'subject']) {
    const bad = idProblem(event[name]);
    if (bad)
      return problem('FRESHET_EVENT_ID_INVALID', `${name} ${bad}; it takes 1 to 128 bytes of printable UTF-8.`).problem;
  }
  return undefined;
}

/** Members that hold an id, by type; a member of the same name that a type's schema does not speak of is just data. */
const ID_MEMBERS = new Map(Object.entries(EVENT_DATA).map(([type, schema]) => [type, idMembers(schema.properties)]));
const INTERACTION_ID_MEMBERS = idMembers(DECLARED_INTERACTION.properties);

function idMembers(properties: object): string[] {
  return ['item', 'list', 'session', 'experiment'].filter((name) => name in properties);
}

/** Ids inside the data obey the same rules as those of the envelope. */
function dataIdProblem(type: string, data: Record<string, unknown>): string | undefined {
  for (const name of ID_MEMBERS.get(type) ?? INTERACTION_ID_MEMBERS) {
    if (data[name] === undefined) continue;
    const bad = idProblem(data[name]);
    if (bad) return `data.${name} ${bad}; it takes 1 to 128 bytes of printable UTF-8.`;
  }
  if (type !== 'feedback.served.v1') return undefined;
  for (const [i, entry] of (data.items as { item: unknown }[]).entries()) {
    const bad = idProblem(entry.item);
    if (bad) return `data.items[${i}].item ${bad}; it takes 1 to 128 bytes of printable UTF-8.`;
  }
  return undefined;
}

function subjectMismatch(subject: string, context: string, entity: string, verb: string): string | undefined {
  const parts = parseEventSubject(subject);
  if (parts && parts.context === context && parts.entity === entity && parts.verb === verb) return undefined;
  return `It was published on ${subject.slice(0, 500)}, but its type and subject ask for ${eventSubject(context as EventContext, entity, verb)}.`;
}

function schemaMessage(validator: Validator, type: string, data: unknown): string {
  const errors = validator.Errors(data).slice(0, 3);
  const said = errors.map((error) => `data${error.instancePath.replaceAll('/', '.')} ${error.message}`);
  return `The data does not fit ${type}: ${said.join('; ') || 'it is of another shape'}.`;
}

function digest16(text: string): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, 16);
}
