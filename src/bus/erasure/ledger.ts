/** The ledger of erasures. Freshet keeps it outside the log, so that it can repeat erasures on a log from a backup. */
import type { KV, NatsConnection } from 'nats';
import { ERASURES } from '../../../streams.config.ts';
import type { ServiceName } from '../projection/definition.ts';

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
  /** The ids themselves, until the coordinator has purged all messages under them. */
  pending?: string[];
  /** A restored log lacks records of the erasure, and the coordinator has yet to find the ids by their HMACs. */
  unnamed?: boolean;
}

/** An erasure as callers see it. */
export interface ErasureView extends Omit<Erasure, 'pending' | 'claimants' | 'unnamed'> {
  /** The deadline passed before the erasure was complete. */
  overdue: boolean;
}

export interface Ledger {
  put(entry: Erasure): Promise<void>;
  get(id: string): Promise<Erasure | undefined>;
  /** In the order of the requests. */
  list(): Promise<Erasure[]>;
}

const PREFIX = 'act.';

export async function openLedger(nc: NatsConnection): Promise<Ledger> {
  const kv: KV = await nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
  const get = async (key: string): Promise<Erasure | undefined> => {
    const entry = await kv.get(key);
    return entry?.operation === 'PUT' ? entry.json<Erasure>() : undefined;
  };
  return {
    put: async (entry) => void (await kv.put(PREFIX + entry.erasure, JSON.stringify(entry))),
    get: async (id) => (/^[A-Za-z0-9_-]{1,64}$/.test(id) ? get(PREFIX + id) : undefined),
    list: async () => {
      const keys: string[] = [];
      for await (const key of await kv.keys(`${PREFIX}>`)) keys.push(key);
      const found = await Promise.all(keys.map(get));
      return found
        .filter((entry) => entry !== undefined)
        .sort((a, b) => (`${a.requested}${a.erasure}` < `${b.requested}${b.erasure}` ? -1 : 1));
    },
  };
}
