/** Dead letters as an operator sees them over HTTP: an event that several services could not fold is one of them. */
import type { NatsConnection } from 'nats';
import type { EventCodec } from '../bus/event/codec.ts';
import { streamSeq } from '../bus/event/ids.ts';
import { entryOf, type LogEntry } from '../bus/log/search.ts';
import { RemoteProblemError } from '../bus/nats/problem.ts';
import { SERVICES, type ServiceName } from '../bus/projection/definition.ts';
import {
  checkReadable,
  type DeadLetterMark,
  findDeadLetters,
  type ListedDeadLetter,
  markOf,
  readDeadLetter,
  resolveDeadLetter,
  type ShownDeadLetter,
  unreadable,
} from '../bus/service/dead-letters.ts';
import { NotFoundError } from '../errors.ts';

/** What one service says about the event. */
export interface DeadLetterOf {
  service: ServiceName;
  code: string;
  message: string;
  mark?: DeadLetterMark;
}

export interface DeadLetterView extends Omit<LogEntry, 'time'> {
  bytes: number;
  services: DeadLetterOf[];
  /** Why this release cannot fold the event; null: it can, and a rebuild of the services does. */
  problem: { code: string; message: string } | null;
}

export interface DeadLettersView {
  /** Events with an open dead letter; with `all`, also resolved ones. */
  count: number;
  /** Whether the search has read all dead letters. */
  complete: boolean;
  reasons: { code: string; events: number }[];
  /** Newest first. */
  dead_letters: DeadLetterView[];
  /** `before` of the next page; null after the last. */
  next: number | null;
}

export interface DeadLettersQuery {
  service?: ServiceName | undefined;
  code?: string | undefined;
  all?: boolean | undefined;
  before?: number | undefined;
  n: number;
  /** Dead letters that the search reads at most. */
  most: number;
}

export async function listDeadLetters(
  nc: NatsConnection,
  codec: EventCodec,
  { service, code, all, before = Number.MAX_SAFE_INTEGER, n, most }: DeadLettersQuery,
): Promise<DeadLettersView> {
  const { found, complete } = await findDeadLetters(nc, {
    ...(service ? { services: [service] } : {}),
    code,
    all,
    most,
  });
  const bySeq = new Map<number, ListedDeadLetter[]>();
  for (const dead of found) bySeq.set(dead.seq, [...(bySeq.get(dead.seq) ?? []), dead]);
  const reasons = new Map<string, number>();
  for (const those of bySeq.values())
    for (const reason of new Set(those.map((one) => one.code))) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const seqs = [...bySeq.keys()].filter((seq) => seq < before).sort((a, b) => b - a);
  const page = seqs.slice(0, n);
  const views = await Promise.all(page.map((seq) => viewOf(nc, codec, bySeq.get(seq) ?? [])));
  return {
    count: bySeq.size,
    complete,
    reasons: [...reasons].map(([reason, events]) => ({ code: reason, events })).sort((a, b) => b.events - a.events),
    dead_letters: views.flatMap((view) => view ?? []),
    next: seqs.length > n ? (page.at(-1) ?? null) : null,
  };
}

/** Undefined: the service has removed it meanwhile. */
async function viewOf(
  nc: NatsConnection,
  codec: EventCodec,
  those: readonly ListedDeadLetter[],
): Promise<DeadLetterView | undefined> {
  const [first] = those;
  const dead = first && (await unlessGone(readDeadLetter(nc, first.service, first.seq)));
  if (!dead) return undefined;
  const { seq, subject, event, text } = entryOf({
    seq: streamSeq(dead.seq),
    subject: dead.subject,
    payload: Buffer.from(dead.payload, 'base64'),
    timestamp: 0,
  });
  return {
    seq,
    subject,
    event,
    ...(text === undefined ? {} : { text }),
    bytes: dead.bytes,
    services: those.map(({ service, code, message, mark }) => ({ service, code, message, ...(mark ? { mark } : {}) })),
    problem: unreadable(codec, dead) ?? null,
  };
}

async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (err) {
    if (err instanceof RemoteProblemError && err.code === 'FRESHET_NOT_FOUND') return undefined;
    throw err;
  }
}

type Held = ShownDeadLetter & { service: ServiceName };

/** What the services hold at a sequence. Throws `NotFoundError`. */
async function heldAt(nc: NatsConnection, seq: number): Promise<Held[]> {
  const all = await Promise.all(SERVICES.map((service) => unlessGone(readDeadLetter(nc, service, seq))));
  const held = all.flatMap((dead, i) => (dead ? [{ ...dead, service: SERVICES[i] as ServiceName }] : []));
  if (held.length > 0) return held;
  throw new NotFoundError(`No service has a dead letter at sequence ${seq}.`, {
    next: 'GET /v1/dead-letters lists them',
    details: { seq },
  });
}

export interface DeadLetterOutcome {
  seq: number;
  done: 'readable' | 'corrected' | 'discarded';
  services: ServiceName[];
  /** With `corrected`: sequence of the corrected event. */
  published?: number;
  /** With `readable`: the command that folds the event at its own sequence. */
  next?: string;
}

/** Whether this release can fold the event now. Throws `NotFoundError`, `DeadLetterUnreadableError`. */
export async function retryDeadLetter(nc: NatsConnection, codec: EventCodec, seq: number): Promise<DeadLetterOutcome> {
  const held = await heldAt(nc, seq);
  const services = held.map(({ service }) => service);
  for (const service of services) {
    const mark = await markOf(nc, service, seq);
    if (mark?.done === 'corrected')
      return { seq, done: 'corrected', services, ...(mark.seq === undefined ? {} : { published: mark.seq }) };
  }
  const next = `publish a corrected event under a new id (POST /v1/events), then POST /v1/dead-letters/${seq}/discard`;
  for (const dead of held) checkReadable(codec, dead, next);
  return { seq, done: 'readable', services, next: services.map((service) => `freshet replay ${service}`).join('; ') };
}

/** Takes the event off the list of each service; it stays in the log. Throws `NotFoundError`. */
export async function discardDeadLetter(nc: NatsConnection, seq: number): Promise<DeadLetterOutcome> {
  const held = await heldAt(nc, seq);
  const mark: DeadLetterMark = { done: 'discarded', at: new Date().toISOString() };
  for (const { service, ...dead } of held)
    if (!(await markOf(nc, service, seq))) await resolveDeadLetter(nc, service, dead, mark);
  return { seq, done: 'discarded', services: held.map(({ service }) => service) };
}
