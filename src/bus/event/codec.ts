/**
 * From bytes to events and back. Each service decodes each message of the log here once. The gateway and the command line
 * prepare the events of an app here by the same rules, so that they accept no event that a projection would move to the
 * dead letters. The messages of the problems that decoding finds are stored with the dead letters and are part of a
 * projection's hash: a change of their wording needs another `CODEC_CODE`.
 */
import { isUtf8 } from 'node:buffer';
import type { Static } from 'typebox';
import { Format } from 'typebox/format';
import { type EventProblem, messageOf } from '../../errors.ts';
import { canonicalJson, hash53, UncanonicalError } from './canonical.ts';
import { type EventIdentity, eventIdentity, idProblem, type StreamSeq } from './ids.ts';
import { eventSubject } from './subject.ts';
import { parseTimestamp } from './time.ts';
import {
  DECLARED_INTERACTION,
  EVENT_DATA,
  type EventContext,
  type EventType,
  type InteractionData,
  type InteractionType,
  parseType,
  type TypeName,
} from './types.ts';
import { UPCASTERS, upcast } from './upcast.ts';
import { compiledAtFirstUse, type Validator } from './validator.ts';

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
  /** 53-bit hash of the event's content. The same identity with another hash is a re-used id. */
  fingerprint: number;
  type: T;
  context: EventContext;
  verb: string;
  /** Entity: user id, item id, or id of the act. */
  subject: string;
  id: string;
  source: string;
  /** When it happened by its publisher (event time), milliseconds since 1970. Services show it, and count by `countedTime`. */
  time: number;
  /** When the log took it (log time), milliseconds since 1970. */
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
  /** A type that this version does not know. The service counts the message and skips it. */
  | { kind: 'unknown-type'; type: string }
  | { kind: 'dead'; problem: EventProblem };

/** An event ready to be published. */
export interface PreparedEvent {
  subject: string;
  identity: EventIdentity;
  /** As in {@link LoggedEvent}: of type, subject, time and data. */
  fingerprint: number;
  /** One line of JSON, UTF-8. */
  payload: Uint8Array;
}

export type Prepared = { ok: true; prepared: PreparedEvent } | { ok: false; problem: EventProblem };

export interface EventCodec {
  /** Never throws: it returns a value of its own kind for a message that is not an event. */
  decode(message: StoredMessage): Decoded;
  /** Checks an event that an app wants to publish. Refuses `control.*` unless `control` is set. */
  prepare(event: unknown, options?: { control?: boolean }): Prepared;
  /** The declared interaction types, `user.x_<verb>.v1`, sorted. */
  readonly declared: readonly string[];
}

Format.Set('date-time', (text) => parseTimestamp(text) !== undefined);

const VALIDATORS = new Map<string, Validator>(
  Object.entries(EVENT_DATA).map(([type, schema]) => [type, compiledAtFirstUse(schema)]),
);
const INTERACTION_VALIDATOR: Validator = compiledAtFirstUse(DECLARED_INTERACTION);
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

/** The facts about a type of events that do not depend on an event. */
interface KnownType extends Pick<TypeName, 'context' | 'verb'> {
  validator: Validator;
  /** Members of its data that hold an id. */
  ids: readonly string[];
  /** Whether this version is retired: the codec upcasts its events when it reads them. */
  retired: boolean;
}

interface Examined {
  event: Record<string, unknown> & { id: string; source: string; subject: string };
  type: string;
  context: EventContext;
  verb: string;
  time: number | undefined;
  data: unknown;
  fingerprint: number;
}

type Examination = { examined: Examined } | { problem: EventProblem } | { unknownType: string };

export function createCodec({ declared = [], maxEventBytes = 512 * 1024 }: CodecOptions = {}): EventCodec {
  const types = new Map<string, KnownType>();
  const verbs = new Set(KNOWN_VERBS);
  const know = (type: string, validator: Validator, properties: object): void => {
    const { context, verb } = parseType(type) as TypeName;
    types.set(type, { context, verb, validator, ids: idMembers(properties), retired: UPCASTERS.has(type) });
  };
  for (const [type, validator] of VALIDATORS) know(type, validator, EVENT_DATA[type as EventType].properties);
  for (const verb of declared) {
    know(`user.${verb}.v1`, INTERACTION_VALIDATOR, DECLARED_INTERACTION.properties);
    verbs.add(`user.${verb}`);
  }

  function examine(value: unknown): Examination {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return problem('FRESHET_EVENT_MALFORMED', 'An event is a JSON object.');
    const event = value as Record<string, unknown>;
    const envelope = envelopeProblem(event);
    if (envelope) return { problem: envelope };
    const time = event.time === undefined ? undefined : parseTimestamp(event.time as string);
    if (time === undefined && event.time !== undefined)
      return problem('FRESHET_EVENT_ENVELOPE', 'time has to be an RFC 3339 time such as "2026-11-23T10:00:00.000Z".');
    const published = event.type as string;
    const known = types.get(published);
    if (!known) return unknownType(published);
    const { type, data } = known.retired ? upcast(published, event.data) : { type: published, data: event.data };
    const { validator, ids } = known.retired ? (types.get(type) as KnownType) : known;
    let canonical: string;
    try {
      canonical = canonicalJson(data);
    } catch (err) {
      if (!(err instanceof UncanonicalError)) throw err;
      return problem('FRESHET_EVENT_MALFORMED', `The event's data ${err.message}.`);
    }
    if (!validator.Check(data)) return problem('FRESHET_EVENT_SCHEMA', schemaMessage(validator, type, data));
    const badId = dataIdProblem(type, ids, data as Record<string, unknown>);
    if (badId) return problem('FRESHET_EVENT_ID_INVALID', badId);
    // Extension attributes stay out: a retry with another trace id is the same event.
    const fingerprint = hash53(`${published}\n${event.subject}\n${time ?? ''}\n${canonical}`);
    const { context, verb } = known;
    return { examined: { event: event as Examined['event'], type, context, verb, time, data, fingerprint } };
  }

  /** An unknown version of a known verb is a problem. An unknown verb belongs to another program. */
  function unknownType(type: string): Examination {
    const name = parseType(type);
    if (!name || !verbs.has(`${name.context}.${name.verb}`)) return { unknownType: type };
    return problem(
      'FRESHET_EVENT_VERSION_UNKNOWN',
      `Version ${name.version} of ${name.context}.${name.verb} is not known.`,
    );
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
    if (!control && String((value as { type?: unknown } | null)?.type).startsWith('control.'))
      return { ok: false, ...problem('FRESHET_EVENT_CONTROL_REFUSED', 'Only Freshet writes control events.') };
    const result = examine(value);
    if ('problem' in result) return { ok: false, problem: result.problem };
    if ('unknownType' in result)
      return {
        ok: false,
        ...problem(
          'FRESHET_EVENT_TYPE_UNKNOWN',
          `Freshet does not know the type ${JSON.stringify(result.unknownType.slice(0, 200))}. Correct it, or declare an interaction of your own in the configuration (events.declared).`,
        ),
      };
    const { event, context, verb, fingerprint } = result.examined;
    let payload: Buffer;
    try {
      payload = Buffer.from(JSON.stringify(value), 'utf8');
    } catch (err) {
      // RangeError: an extension attribute that is nested beyond the writer's stack.
      return {
        ok: false,
        ...problem('FRESHET_EVENT_MALFORMED', `Freshet cannot write the event as JSON: ${messageOf(err)}.`),
      };
    }
    if (payload.length > maxEventBytes)
      return {
        ok: false,
        ...problem(
          'FRESHET_EVENT_TOO_LARGE',
          `The event has ${payload.length} bytes, and the limit is ${maxEventBytes} (events.max_bytes). Send a smaller event.`,
        ),
      };
    return {
      ok: true,
      prepared: {
        subject: eventSubject(context, event.subject, verb),
        identity: eventIdentity(event.source, event.id),
        fingerprint,
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

const wrongEnvelope = (message: string): EventProblem => problem('FRESHET_EVENT_ENVELOPE', message).problem;

function envelopeProblem(event: Record<string, unknown>): EventProblem | undefined {
  const { specversion, type, datacontenttype, time } = event;
  if (specversion !== '1.0') return wrongEnvelope('specversion has to be "1.0" (CloudEvents).');
  if (typeof type !== 'string' || type.length === 0 || type.length > 256)
    return wrongEnvelope('type has to be a text such as "user.viewed.v1".');
  if (datacontenttype !== undefined && datacontenttype !== 'application/json')
    return wrongEnvelope('datacontenttype has to be "application/json".');
  if (time !== undefined && typeof time !== 'string')
    return wrongEnvelope('time has to be an RFC 3339 time such as "2026-11-23T10:00:00.000Z".');
  return (
    envelopeIdProblem('id', event.id) ??
    envelopeIdProblem('source', event.source) ??
    envelopeIdProblem('subject', event.subject)
  );
}

function envelopeIdProblem(name: string, id: unknown): EventProblem | undefined {
  const bad = idProblem(id);
  if (bad === undefined) return undefined;
  return problem('FRESHET_EVENT_ID_INVALID', `${name} ${bad}; it takes 1 to 128 bytes of printable UTF-8.`).problem;
}

/** Members that hold an id. A member of the same name that the schema of the type does not declare is plain data. */
function idMembers(properties: object): string[] {
  return ['item', 'list', 'session', 'experiment'].filter((name) => name in properties);
}

/** Ids inside the data obey the same rules as those of the envelope. */
function dataIdProblem(type: string, ids: readonly string[], data: Record<string, unknown>): string | undefined {
  for (const name of ids) {
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
  // Each entity has exactly one token, so a comparison of texts is enough.
  const wanted = eventSubject(context as EventContext, entity, verb);
  if (subject === wanted) return undefined;
  return `It was published on ${subject.slice(0, 500)}, but its type and subject ask for ${wanted}.`;
}

function schemaMessage(validator: Validator, type: string, data: unknown): string {
  const errors = validator.Errors(data).slice(0, 3);
  const reasons = errors.map((error) => `data${error.instancePath.replaceAll('/', '.')} ${error.message}`);
  return `The data does not fit ${type}: ${reasons.join('; ') || 'it is of another shape'}.`;
}
