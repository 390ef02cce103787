/** Looks for events in the log: the newest first, by type, user and item, and no more than a bounded number of messages. */
import type { NatsConnection } from 'nats';
import type { StoredMessage } from '../event/codec.ts';
import { encodeToken } from '../event/ids.ts';
import { parseEventSubject } from '../event/subject.ts';
import type { Log } from './port.ts';
import { messagesFrom } from './read-subject.ts';

/** Which events; a member that is left out allows all. */
export interface LogFilter {
  /** A context, with its verb and its version if they matter: `user`, `user.viewed`, `user.viewed.v1`. */
  type?: string | undefined;
  /** The data subject of an event: `user.*` and `feedback.*` of this user. */
  user?: string | undefined;
  /** Events about an item: `content.*` of it, and events of users whose data names it. */
  item?: string | undefined;
}

/** A message of the log for people. */
export interface LogEntry {
  seq: number;
  /** When the log stored it, RFC 3339. */
  time: string;
  subject: string;
  /** The event; null if the payload is not a JSON object. */
  event: Record<string, unknown> | null;
  /** The payload, if it is not a JSON object. */
  text?: string;
}

export function entryOf({ seq, timestamp, subject, payload }: StoredMessage): LogEntry {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
  const event = parsed(text);
  return { seq, time: new Date(timestamp).toISOString(), subject, event, ...(event === null ? { text } : {}) };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** The narrowest subject that holds all events of a filter. */
export function subjectOf({ type, user, item }: LogFilter): string {
  const [context = '*', verb = '*'] = type?.split('.') ?? [];
  const entity = user ?? (context === 'content' ? item : undefined);
  return `ev.${context}.${entity === undefined ? '*' : encodeToken(entity)}.${verb}`;
}

/** Whether an entry on the subject of the filter is one of its events. */
export function passes({ type, user, item }: LogFilter, { subject, event }: LogEntry): boolean {
  const of = parseEventSubject(subject);
  const ofUser = of?.context === 'user' || of?.context === 'feedback';
  if (user !== undefined && !(ofUser && of.entity === user)) return false;
  if (type !== undefined && type.split('.').length > 2 && event?.type !== type) return false;
  if (item === undefined) return true;
  return of?.context === 'content' ? of.entity === item : ofUser && namesItem(event, item);
}

/** Whether the data of an event names an item, also as one of a shown list. */
function namesItem(event: LogEntry['event'], item: string): boolean {
  const { item: named, items } = (event?.data ?? {}) as { item?: unknown; items?: unknown };
  if (named === item) return true;
  return Array.isArray(items) && items.some((one: { item?: unknown } | null) => one?.item === item);
}

export interface LogSearch extends LogFilter {
  /** Only entries before this sequence; left out: from the end of the log. */
  before?: number | undefined;
  /** Most entries of the answer. */
  n: number;
  /** Messages after which the search ends; it reads at most {@link WINDOW} more. */
  most: number;
  /** Bytes of entries after which a page ends, though at least one entry is in it. */
  bytes: number;
}

export interface FoundEntries {
  /** Newest first. */
  events: LogEntry[];
  /** `before` of the next page; null if the log has no earlier entry. */
  next: number | null;
  /** Messages that the search has read. */
  searched: number;
}

/** Sequences of the smallest part of the log that a search reads at once, and so most messages that a part may hold. */
const WINDOW = 500;
/** Factor by which a part grows if it holds few messages of the filter, or shrinks if it holds too many. */
const STEP = 8;

/** Throws `StreamMissingError`. */
export async function searchLog(nc: NatsConnection, log: Log, search: LogSearch): Promise<FoundEntries> {
  const { n, most, bytes, before = Number.MAX_SAFE_INTEGER } = search;
  const { firstSeq, lastSeq } = await log.info();
  const subject = subjectOf(search);
  const all = search.type === undefined && search.user === undefined && search.item === undefined;
  const found: LogEntry[] = [];
  let to = Math.min(before, lastSeq + 1);
  let width = all ? Math.min(n, WINDOW) : WINDOW;
  let searched = 0;
  while (found.length < n && to > firstSeq && searched < most) {
    const from = Math.max(firstSeq, to - width);
    const part: LogEntry[] = [];
    let read = 0;
    for await (const message of messagesFrom(nc, log.stream, { subject, from })) {
      if (message.seq >= to) break;
      read++;
      if (read > WINDOW) break;
      const entry = entryOf(message);
      if (passes(search, entry)) part.push(entry);
    }
    searched += read;
    if (read > WINDOW) {
      // A part is read from its beginning, so one that is too large is of no use.
      width = Math.max(WINDOW, Math.floor(width / STEP));
      continue;
    }
    found.push(...part.reverse());
    to = from;
    if (read * STEP < WINDOW) width *= STEP;
  }
  const events = pageOf(found, n, bytes);
  const last = events.length < found.length ? events.at(-1)?.seq : to;
  return { events, next: last !== undefined && last > firstSeq ? last : null, searched };
}

function pageOf(found: readonly LogEntry[], n: number, bytes: number): LogEntry[] {
  let left = bytes;
  const end = found.findIndex((entry, i) => {
    if (i >= n || left <= 0) return true;
    left -= JSON.stringify(entry).length;
    return false;
  });
  return end < 0 ? [...found] : found.slice(0, end);
}

export interface PublisherRates {
  /** Events that were counted. */
  events: number;
  from_seq: number | null;
  to_seq: number | null;
  /** When the log stored the first and the last of them, RFC 3339. */
  from: string | null;
  to: string | null;
  publishers: PublisherRate[];
  /** Events of publishers beyond the first {@link PUBLISHERS}. */
  others: number;
}

export interface PublisherRate {
  /** `source` of the events; null: the payload names none. */
  source: string | null;
  events: number;
  /** Share of the counted events. */
  share: number;
  /** Events per second between the first and the last counted event; null if they were stored at the same moment. */
  per_s: number | null;
  /** When the log stored the newest one, RFC 3339. */
  newest: string;
}

/** Publishers in one answer. */
const PUBLISHERS = 100;

/** How much each source has published among the newest `n` sequences of the log, the one with the most first. */
export async function publisherRates(nc: NatsConnection, log: Log, n: number): Promise<PublisherRates> {
  const { firstSeq, lastSeq } = await log.info();
  const counts = new Map<string | null, { events: number; newest: number }>();
  let first: StoredMessage | undefined;
  let last: StoredMessage | undefined;
  let events = 0;
  const from = Math.max(firstSeq, lastSeq - n + 1);
  for await (const message of messagesFrom(nc, log.stream, { subject: 'ev.>', from })) {
    if (message.seq > lastSeq) break;
    first ??= message;
    last = message;
    events++;
    const { event } = entryOf(message);
    const source = typeof event?.source === 'string' ? event.source : null;
    counts.set(source, { events: (counts.get(source)?.events ?? 0) + 1, newest: message.timestamp });
  }
  const seconds = first && last ? (last.timestamp - first.timestamp) / 1_000 : 0;
  const ranked = [...counts].sort(([, a], [, b]) => b.events - a.events);
  return {
    events,
    from_seq: first?.seq ?? null,
    to_seq: last?.seq ?? null,
    from: first ? new Date(first.timestamp).toISOString() : null,
    to: last ? new Date(last.timestamp).toISOString() : null,
    publishers: ranked.slice(0, PUBLISHERS).map(([source, of]) => ({
      source,
      events: of.events,
      share: of.events / events,
      per_s: seconds > 0 ? of.events / seconds : null,
      newest: new Date(of.newest).toISOString(),
    })),
    others: ranked.slice(PUBLISHERS).reduce((sum, [, of]) => sum + of.events, 0),
  };
}
