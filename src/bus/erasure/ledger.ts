/**
 * The ledger of erasures. Freshet keeps it outside the log, so that it can repeat erasures on a log from a backup. The ids
 * stand in keys of their own, `ids.<erasure>.<n>`, until the erasure no longer needs them. The bytes of removed keys stay
 * in the server's files until {@link Ledger.clean}, because a bucket refuses to overwrite a value (`deny_delete`).
 */
import type { KV, NatsConnection } from 'nats';
import { ERASURES } from '../../../streams.config.ts';
import { isNotFound } from '../nats/connection.ts';
import { onceMade } from '../nats/once-made.ts';
import type { ServiceName } from '../projection/definition.ts';
import { messagesOn } from './remove-messages.ts';
import { rewriteBucket } from './rewrite-bucket.ts';

/** One id that an erasure forgets: the user's own, or that of a session of the user. */
export interface ErasureAct {
  /** Id of the act in the log: `ev.control.<act>.erased`. */
  act: string;
  hmac: string;
  /** Sequence of its record; 0 before the record is in the log. */
  seq: number;
}

/** Messages of other data subjects that an erasure removes from the log. */
export interface ErasureRemoval {
  /** Id of the act in the log: `ev.control.<act>.removed`. */
  act: string;
  /** Sequence of its record; 0 before the record is in the log. */
  seq: number;
  /** The sequences, until the messages are gone. */
  sequences?: number[];
}

export interface ErasureStep {
  service: ServiceName;
  /**
   * `rows`: the user's rows are gone. `trained` (engine only): no trained input contains the user's events any more.
   * `exact`: the whole state equals a fold of the purged log.
   */
  state: 'waiting' | 'rows' | 'trained' | 'exact';
  /** RFC 3339, of the latest change. */
  at: string | null;
  /** Instances that have read the log and do not answer. The step goes on when they come back. */
  down?: string[];
}

export interface Erasure {
  erasure: string;
  requested: string;
  state: 'recording' | 'purging' | 'folding' | 'rebuilding' | 'done';
  /** RFC 3339. By then all state must equal a fold of the log without the user, rebuilds included. */
  deadline: string;
  /** RFC 3339; null until the erasure is complete. */
  done: string | null;
  acts: ErasureAct[];
  services: ErasureStep[];
  /** Records that remove messages of other data subjects, because these name a forgotten id. */
  removals?: ErasureRemoval[];
  /** The data subjects of these messages, until the coordinator has removed all copies. */
  claimants?: string[];
  /** What the coordinator takes out of nats-server. An older release does not say. */
  messages?: ErasureMessages;
  /** The ids themselves, until the coordinator has purged all messages under them. */
  pending?: string[];
  /** A restored log lacks records of the erasure, and the coordinator has yet to find the ids by their HMACs. */
  unnamed?: boolean;
}

export interface ErasureMessages {
  /** Messages that the server has overwritten so far. */
  removed: number;
  /** Messages of the log under the ids when the coordinator began. Others may come until the fence. */
  total: number;
  /** RFC 3339: from then on the server's index of subjects no longer holds the ids. Null before the purge is complete. */
  index_clean: string | null;
}

/** An erasure as callers see it. */
export interface ErasureView extends Omit<Erasure, 'pending' | 'claimants' | 'unnamed'> {
  /** The deadline passed before the erasure was complete. */
  overdue: boolean;
  /** What it waits for, in sentences; empty once it is done. */
  waits_for: string[];
}

export interface Ledger {
  put(entry: Erasure): Promise<void>;
  /** Without the ids. */
  get(id: string): Promise<Erasure | undefined>;
  /** In the order of the requests, without the ids. */
  list(): Promise<Erasure[]>;
  /** The ids of an erasure that is under way. */
  ids(erasure: string): Promise<string[] | undefined>;
  /**
   * Moves ids that an older release wrote into the entries to keys of their own, and removes what a crash or that release
   * has left. Only the process that carries out erasures may call it, before it does.
   */
  tidy(): Promise<void>;
  /** Removes the bytes of ids that no erasure needs any more from the server's files. */
  clean(): Promise<void>;
}

const PREFIX = 'act.';
const IDS = 'ids.';
/** Key that says that no older value with an id is left in the server's files. */
const FORMAT = 'format';
const STREAM = `KV_${ERASURES.name}`;
const SUBJECT = `$KV.${ERASURES.name}.`;

/** The erasure whose ids a subject holds. */
const erasureIn = (subject: string): string => subject.slice(SUBJECT.length + IDS.length).split('.')[0] as string;

export async function openLedger(nc: NatsConnection): Promise<Ledger> {
  const kv: KV = await nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
  const jsm = onceMade(() => nc.jetstreamManager({ checkAPI: false }));
  /** What this process last wrote under the ids of an erasure. */
  const written = new Map<string, string>();

  const get = async (key: string): Promise<Erasure | undefined> => {
    const entry = await kv.get(key);
    return entry?.operation === 'PUT' ? entry.json<Erasure>() : undefined;
  };

  async function list(): Promise<Erasure[]> {
    const keys: string[] = [];
    for await (const key of await kv.keys(`${PREFIX}>`)) keys.push(key);
    const found = await Promise.all(keys.map(get));
    return found
      .filter((entry) => entry !== undefined)
      .sort((a, b) => (`${a.requested}${a.erasure}` < `${b.requested}${b.erasure}` ? -1 : 1));
  }

  /** Writes the ids under a new key if they have changed. Returns the keys before. */
  async function putIds({ erasure, pending }: Erasure): Promise<string[]> {
    const ids = pending === undefined ? '' : JSON.stringify(pending);
    if (written.get(erasure) === ids) return [];
    let newest = 0;
    const older: string[] = [];
    for await (const { seq, subject } of messagesOn(await jsm(), STREAM, `${SUBJECT}${IDS}${erasure}.*`)) {
      newest = seq;
      older.push(subject);
    }
    if (ids !== '') await kv.create(`${IDS}${erasure}.${newest + 1}`, ids);
    return older;
  }

  /** Without a mark of the removal, which would be one more message. */
  async function remove(subjects: readonly string[]): Promise<void> {
    for (const filter of subjects) await (await jsm()).streams.purge(STREAM, { filter });
  }

  async function put(entry: Erasure): Promise<void> {
    const { pending, ...said } = entry;
    // An entry without ids would be an erasure of nobody, so they are there first; and they go last.
    const older = await putIds(entry);
    await kv.put(PREFIX + entry.erasure, JSON.stringify(said));
    await remove(older);
    written.set(entry.erasure, pending === undefined ? '' : JSON.stringify(pending));
  }

  async function ids(erasure: string): Promise<string[] | undefined> {
    let newest: string[] | undefined;
    for await (const message of messagesOn(await jsm(), STREAM, `${SUBJECT}${IDS}${erasure}.*`))
      newest = JSON.parse(Buffer.from(message.data).toString('utf8')) as string[];
    return newest;
  }

  async function tidy(): Promise<void> {
    const entries = await list();
    // An older release wrote the ids into the entry.
    for (const entry of entries) if (entry.pending) await put(entry);
    const open = new Set(entries.filter(({ state }) => state !== 'done').map(({ erasure }) => erasure));
    const left: string[] = [];
    for await (const { subject } of messagesOn(await jsm(), STREAM, `${SUBJECT}${IDS}*.*`))
      if (!open.has(erasureIn(subject))) left.push(subject);
    await remove(left);
    if ((await kv.get(FORMAT))?.operation === 'PUT') return;
    if (entries.length > 0) await clean();
    await kv.put(FORMAT, '2');
  }

  const clean = async (): Promise<void> => rewriteBucket(nc, await jsm(), ERASURES);

  return {
    put,
    get: async (id) => (/^[A-Za-z0-9_-]{1,64}$/.test(id) ? get(PREFIX + id) : undefined),
    list,
    ids,
    tidy,
    clean,
  };
}

/** The states in which messages of the user may be in the log. A service can fold a record before the ledger says so. */
const BEFORE_PURGED: ReadonlySet<Erasure['state']> = new Set(['recording', 'purging']);

/**
 * Whether an erasure whose deadline is still ahead removes messages from the log, or is about to. False without a ledger.
 * Throws the errors of the connection.
 */
export async function purging(nc: NatsConnection): Promise<boolean> {
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const unlessMissing = (err: unknown): undefined => {
    if (!isNotFound(err)) throw err;
  };
  // An erasure that is under way has ids. The ledger keeps the entries of all others for good.
  const ids = await jsm.streams.info(STREAM, { subjects_filter: `${SUBJECT}${IDS}>` }).catch(unlessMissing);
  for (const erasure of new Set(Object.keys(ids?.state.subjects ?? {}).map(erasureIn))) {
    const last_by_subj = `${SUBJECT}${PREFIX}${erasure}`;
    // The entry follows its ids, so it may not be there yet.
    const entry = await jsm.streams.getMessage(STREAM, { last_by_subj }).catch(unlessMissing);
    if (!entry) continue;
    const { state, deadline } = JSON.parse(Buffer.from(entry.data).toString('utf8')) as Erasure;
    if (BEFORE_PURGED.has(state) && Date.parse(deadline) > Date.now()) return true;
  }
  return false;
}
