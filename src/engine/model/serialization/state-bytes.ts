/**
 * The model's state as bytes: catalogue, links, traits and histories, in the order of ids and of the log, so that equal
 * states give equal bytes. Statistics are not in it, as the reader folds them again. Numbers are little endian.
 *
 * Layout: 8 bytes `FRSHMODL`, u32 version, u32 0, f64 clock, then counted sections (items, users with their traits and
 * the events that their ids published, links, named sections that write their own bytes), then the SHA-256 of all bytes
 * before it.
 */
import { createHash, type Hash } from 'node:crypto';
import type { ItemData } from '../../../bus/event/types.ts';
import { FreshetError } from '../../../errors.ts';
import { ByteReader, ByteWriter } from '../primitives/bytes.ts';
import { finish, type Steps } from '../primitives/steps.ts';
import type { Traits } from '../state/traits.ts';

const MAGIC = 'FRSHMODL';
const VERSION = 2;
const DIGEST_BYTES = 32;

/** A state that cannot be read: it is cut, altered, or of another version or configuration. */
export class ModelStateUnreadableError extends FreshetError {
  readonly code = 'FRESHET_MODEL_STATE_UNREADABLE';
}

export interface StateItem {
  id: string;
  published: boolean;
  withdrawn: boolean;
  listed: number;
  fields: ItemData | undefined;
}

export interface StateUser {
  id: string;
  traits: Traits | undefined;
  /** Events that this id published: a range of {@link StateEvents.order}, in log order. */
  from: number;
  end: number;
}

/** Events to write, in columns: to make and collect a million objects costs more than all else. */
export interface StateEvents {
  /** Rows of the columns. */
  order: ArrayLike<number>;
  /** By number of an item, its index among the items of the same state. */
  itemPlaces: ArrayLike<number>;
  columns: StateColumns;
}

/**
 * Columns of events. Each may be another array after a step: what an answer computes meanwhile may move the memory that
 * the model shares with the kernel.
 */
export interface StateColumns {
  /** Numbers of items. */
  readonly items: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
  readonly negatives: ArrayLike<number>;
  readonly times: ArrayLike<number>;
  readonly seqs: ArrayLike<number>;
}

export interface StateLink {
  /** Indices among the users of the same state. */
  session: number;
  user: number;
  seq: number;
}

/** A part of the state that writes and reads its own bytes. */
export interface StateSection {
  name: string;
  bytes: Uint8Array;
}

export interface StateContent {
  clock: number;
  items: StateItem[];
  users: StateUser[];
  events: StateEvents;
  links: StateLink[];
  /** Each name once. */
  sections: StateSection[];
}

/** Events of a decoded state. */
export interface EventColumns {
  /** Index of the user whose id published the event. */
  users: Int32Array;
  items: Int32Array;
  weights: Uint16Array;
  negatives: Uint16Array;
  times: Float64Array;
  seqs: Float64Array;
}

/** A decoded state. Events are in columns, ordered by user and then in log order. */
export interface DecodedState extends Omit<StateContent, 'users' | 'events' | 'sections'> {
  sections: { name: string; bytes: Buffer }[];
  users: Omit<StateUser, 'from' | 'end'>[];
  events: EventColumns;
}

export const encodeState = (state: StateContent): Buffer => finish(encodingState(state));

/** The same in steps. */
export function* encodingState(state: StateContent): Steps<Buffer> {
  let entries = 0;
  const out = new ByteWriter(expectedBytes(state));
  out.bytes(Buffer.from(MAGIC, 'latin1'));
  out.u32(VERSION);
  out.u32(0);
  out.f64(state.clock);
  out.count(state.items.length);
  for (const item of state.items) {
    out.text(item.id);
    out.count((item.published ? 1 : 0) | (item.withdrawn ? 2 : 0));
    out.f64(item.listed);
    out.text(item.fields === undefined ? '' : canonicalJson(item.fields));
    if (++entries % STEP_ENTRIES === 0) yield;
  }
  const { order, itemPlaces, columns } = state.events;
  out.count(state.users.length);
  for (const user of state.users) {
    out.text(user.id);
    out.text(user.traits === undefined ? '' : canonicalJson(user.traits));
    out.count(user.end - user.from);
    if (++entries % STEP_ENTRIES === 0) yield;
    let seq = 0;
    for (let place = user.from; place < user.end; place++) {
      const at = order[place]!;
      out.count(itemPlaces[columns.items[at]!]!);
      out.count(columns.weights[at]!);
      out.count(columns.negatives[at]!);
      out.f64(columns.times[at]!);
      out.count(columns.seqs[at]! - seq);
      seq = columns.seqs[at]!;
      if (++entries % STEP_ENTRIES === 0) yield;
    }
  }
  out.count(state.links.length);
  for (const link of state.links) {
    out.count(link.session);
    out.count(link.user);
    out.count(link.seq);
  }
  out.count(state.sections.length);
  for (const { name, bytes } of state.sections) {
    out.text(name);
    out.count(bytes.length);
    out.bytes(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
  const body = out.finish();
  out.bytes((yield* hashing(body)).digest());
  return out.finish();
}

/** Reads what {@link encodeState} wrote. Throws {@link ModelStateUnreadableError}. */
export const decodeState = (bytes: Uint8Array): DecodedState => finish(decodingState(bytes));

/** Bytes of the checksum, and entries of the state, in one step. */
const STEP_BYTES = 1_048_576;
const STEP_ENTRIES = 512;

/** The same in steps. */
export function* decodingState(bytes: Uint8Array): Steps<DecodedState> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const body = all.subarray(0, Math.max(0, all.length - DIGEST_BYTES));
  if (body.length < 24 || body.toString('latin1', 0, 8) !== MAGIC) {
    throw new ModelStateUnreadableError(`These ${all.length} bytes are not a model state.`, {
      details: { bytes: all.length },
    });
  }
  const version = body.readUInt32LE(8);
  if (version !== VERSION) {
    throw new ModelStateUnreadableError(
      `The model state is of version ${version}, and this release reads version ${VERSION}. Fold the log again.`,
      {
        details: { version, reads: VERSION },
      },
    );
  }
  const expected = all.subarray(body.length).toString('hex');
  const actual = (yield* hashing(body)).digest('hex');
  if (expected !== actual) {
    throw new ModelStateUnreadableError(
      'The model state does not match its checksum. Use another state, or fold the log again.',
      {
        details: { expected, actual, bytes: all.length },
      },
    );
  }
  const input = new ByteReader(body, 16);
  const clock = input.f64();
  const items: StateItem[] = [];
  for (let left = input.count(); left > 0; left--) {
    const id = input.text();
    const flags = input.count();
    const listed = input.f64();
    const json = input.text();
    const fields = json === '' ? undefined : (JSON.parse(json) as ItemData);
    items.push({ id, published: (flags & 1) !== 0, withdrawn: (flags & 2) !== 0, listed, fields });
    if (left % STEP_ENTRIES === 0) yield;
  }
  const users: DecodedState['users'] = [];
  // An event takes at least 13 bytes, which bounds their number.
  const events = columnsOf(Math.ceil(body.length / 13));
  let end = 0;
  for (let left = input.count(); left > 0; left--) {
    const id = input.text();
    const json = input.text();
    let seq = 0;
    for (let count = input.count(); count > 0; count--) {
      events.users[end] = users.length;
      events.items[end] = input.count();
      events.weights[end] = input.count();
      events.negatives[end] = input.count();
      events.times[end] = input.f64();
      seq += input.count();
      events.seqs[end++] = seq;
      if (end % STEP_ENTRIES === 0) yield;
    }
    users.push({ id, traits: json === '' ? undefined : (JSON.parse(json) as Traits) });
    if (left % STEP_ENTRIES === 0) yield;
  }
  const links: StateLink[] = [];
  for (let left = input.count(); left > 0; left--) {
    links.push({ session: input.count(), user: input.count(), seq: input.count() });
  }
  const sections: DecodedState['sections'] = [];
  for (let left = input.count(); left > 0; left--)
    sections.push({ name: input.text(), bytes: input.bytes(input.count()) });
  return { clock, items, users, events: firstOf(events, end), links, sections };
}

/** Somewhat more than a state takes; titles and descriptions may be longer. */
const expectedBytes = ({ items, users, events, links, sections }: StateContent): number =>
  sections.reduce(
    (sum, { bytes }) => sum + bytes.length,
    65_536 + 512 * items.length + 128 * users.length + 24 * events.order.length + 16 * links.length,
  );

function* hashing(body: Buffer): Steps<Hash> {
  const hash = createHash('sha256');
  for (let at = 0; at < body.length; at += STEP_BYTES) {
    hash.update(body.subarray(at, at + STEP_BYTES));
    yield;
  }
  return hash;
}

function columnsOf(count: number): EventColumns {
  return {
    users: new Int32Array(count),
    items: new Int32Array(count),
    weights: new Uint16Array(count),
    negatives: new Uint16Array(count),
    times: new Float64Array(count),
    seqs: new Float64Array(count),
  };
}

function firstOf(columns: EventColumns, count: number): EventColumns {
  const { users, items, weights, negatives, times, seqs } = columns;
  return {
    users: users.subarray(0, count),
    items: items.subarray(0, count),
    weights: weights.subarray(0, count),
    negatives: negatives.subarray(0, count),
    times: times.subarray(0, count),
    seqs: seqs.subarray(0, count),
  };
}

/** JSON with sorted keys: the order of keys is not part of the state. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
