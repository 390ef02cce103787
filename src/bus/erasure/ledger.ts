/** The ledger of erasures: kept outside the log, so that one that is restored from a backup can be made to forget again. */
import type { KV, NatsConnection } from 'nats';
import { ERASURES } from '../../../streams.config.ts';
import type { ServiceName } from '../projection/definition.ts';

/** One id that is forgotten: the user's own, or that of a session of theirs. */
export interface ErasureAct {
  /** Id of the act in the log: `ev.control.<act>.erased`. */
  act: string;
  hmac: string;
  /** Sequence of its record; 0 before it is there. */
  seq: number;
}

export interface ErasureStep {
  service: ServiceName;
  /**
   * `rows`: the user's rows are gone; `trained`: of the engine, and nothing that was trained has their part in it any
   * more; `exact`: the whole state is what the purged log gives.
   */
  state: 'waiting' | 'rows' | 'trained' | 'exact';
  /** RFC 3339, of the latest change. */
  at: string | null;
  /** Instances that have read the log and don't answer: it goes on when they come back. */
  down?: string[];
}

export interface Erasure {
  erasure: string;
  requested: string;
  state: 'recording' | 'purging' | 'folding' | 'rebuilding' | 'done';
  /** RFC 3339: by then everything has to be what the log gives without the user, rebuilds included. */
  deadline: string;
  /** RFC 3339; null until it is. */
  done: string | null;
  acts: ErasureAct[];
  services: ErasureStep[];
  /** The ids themselves, for as long as there is something to purge under them. */
  pending?: string[];
}

/** As it is told to whoever asks. */
export interface ErasureView extends Omit<Erasure, 'pending'> {
  /** It was not complete by its deadline, or is not yet. */
  overdue: boolean;
}

export interface Ledger {
  put(entry: Erasure): Promise<void>;
  get(id: string): Promise<Erasure | undefined>;
  /** In order of request. */
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
