/** Valid events, short to write: `viewed('u1', 'i1')`, `published('i1', { tags: ['sea'] })`. */

import { createCodec, type EventCodec, type PreparedEvent, type StoredMessage } from '../../src/bus/event/codec.ts';
import { streamSeq } from '../../src/bus/event/ids.ts';
import type { CloudEvent, EventType, ItemData, ItemPatch } from '../../src/bus/event/types.ts';
import type { Publisher } from '../../src/bus/nats/publisher.ts';

/** Options of every builder. */
export interface EventExtras {
  id?: string;
  source?: string;
  /** RFC 3339; undefined: the event has no time. */
  time?: string;
}

export type TestEvent = CloudEvent & { time?: string };

let counter = 0;

/** Any event; it gets a new id unless the caller names one. */
export function event(type: string, subject: string, data: unknown, extras: EventExtras = {}): TestEvent {
  const { id = `e${++counter}`, source = 'test', time } = extras;
  return { specversion: '1.0', id, type, source, subject, ...(time === undefined ? {} : { time }), data } as TestEvent;
}

interface InteractionExtras extends EventExtras {
  value?: number;
  list?: string;
  context?: Record<string, unknown>;
}

const interaction =
  (type: EventType | `user.x_${string}.v1`) =>
  (user: string, item: string, { value, list, context, ...extras }: InteractionExtras = {}): TestEvent =>
    event(
      type,
      user,
      { item, ...(value === undefined ? {} : { value }), ...(list ? { list } : {}), ...(context ? { context } : {}) },
      extras,
    );

export const viewed = interaction('user.viewed.v1');
export const played = interaction('user.played.v1');
export const added = interaction('user.added.v1');
export const purchased = interaction('user.purchased.v1');
export const rated = (user: string, item: string, value: number, extras: EventExtras = {}): TestEvent =>
  interaction('user.rated.v1')(user, item, { value, ...extras });
/** An interaction that the configuration declares: `declared('x_listened')('u1', 'i1')`. */
export const declared = (verb: `x_${string}`) => interaction(`user.${verb}.v1`);

type Traits = Record<string, string | number | boolean | string[]>;
export const registered = (user: string, traits?: Traits, extras?: EventExtras): TestEvent =>
  event('user.registered.v1', user, traits ? { traits } : {}, extras);
export const updated = (user: string, traits?: Traits, extras?: EventExtras): TestEvent =>
  event('user.updated.v1', user, traits ? { traits } : {}, extras);
export const linked = (user: string, session: string, extras?: EventExtras): TestEvent =>
  event('user.linked.v1', user, { session }, extras);
/** Retracts an earlier event. */
export const retracted = (user: string, what: { id: string; source?: string }, extras?: EventExtras): TestEvent =>
  event('user.retracted.v1', user, { source: what.source ?? 'test', id: what.id }, extras);

export const published = (item: string, fields: Partial<ItemData> = {}, extras?: EventExtras): TestEvent =>
  event('content.published.v1', item, { title: `Title of ${item}`, ...fields }, extras);
export const patched = (item: string, patch: ItemPatch, extras?: EventExtras): TestEvent =>
  event('content.updated.v1', item, patch, extras);
export const withdrawn = (item: string, extras?: EventExtras): TestEvent =>
  event('content.withdrawn.v1', item, {}, extras);
export const restored = (item: string, extras?: EventExtras): TestEvent =>
  event('content.restored.v1', item, {}, extras);

export const served = (
  user: string,
  list: string,
  items: readonly string[],
  extras: EventExtras & { snapshot?: string; arm?: string } = {},
): TestEvent => {
  const { snapshot = 'model-1', arm = 'main', ...rest } = extras;
  const ranked = items.map((item, i) => ({ item, score: items.length - i }));
  return event('feedback.served.v1', user, { list, items: ranked, snapshot, config: 'c1', arm }, rest);
};
const reaction =
  (type: 'feedback.clicked.v1' | 'feedback.dismissed.v1') =>
  (
    user: string,
    item: string,
    { list, position, ...extras }: EventExtras & { list?: string; position?: number } = {},
  ) =>
    event(type, user, { item, ...(list ? { list } : {}), ...(position === undefined ? {} : { position }) }, extras);
export const clicked = reaction('feedback.clicked.v1');
export const dismissed = reaction('feedback.dismissed.v1');

/** The record of a restore from a backup that ends at `last`, of a stream that was created at `created`. */
export const backupRestored = (
  created: string,
  last: number,
  holes: { first: number; last: number }[] = [],
): TestEvent => event('control.backup_restored.v1', 'log', { backup: 'b1', lineage: [{ created, last }], holes });

export const erased = (act: string, fence: number, extras?: EventExtras): TestEvent =>
  event('control.erased.v1', act, { hmac: 'ab'.repeat(32), fence }, extras);

/** One codec for all tests; `x_listened` is declared. */
export const codec: EventCodec = createCodec({ declared: ['x_listened'] });

/** An event in its published form. Throws the problem of an invalid event. */
export function outgoing(event: unknown): PreparedEvent {
  const result = codec.prepare(event, { control: true });
  if (!result.ok) throw new Error(`${result.problem.code}: ${result.problem.message}`);
  return result.prepared;
}

/** Publishes events at once; resolves with the sequence of the last one in the log. */
export async function publishAll(to: Pick<Publisher, 'publish'>, events: readonly unknown[]): Promise<number> {
  const acks = await Promise.all(events.map((one) => to.publish(outgoing(one))));
  return Math.max(...acks.map(({ seq }) => seq));
}

/** Time at which the log of {@link stored} stored its first message: 2026-01-01. */
export const LOG_START = Date.UTC(2026, 0, 1);

/** Events as a log holds them: sequences from `from` on, stored at intervals of a second. */
export const stored = (events: readonly unknown[], from = 1): StoredMessage[] =>
  events.map((one, i) => {
    const { subject, payload } = outgoing(one);
    return { seq: streamSeq(from + i), subject, payload, timestamp: LOG_START + (from + i - 1) * 1_000 };
  });
