/**
 * What an erasure does to the log by itself, without rows: it finds data subjects by their HMACs, and purges their messages.
 * The coordinator does so while the system runs, and a restore does so before any service starts.
 */
import type { NatsConnection } from 'nats';
import { DEAD_LETTERS, EVENTS, RANKINGS } from '../../../streams.config.ts';
import { erasureHmac } from '../event/erasure-hmac.ts';
import { decodeToken, encodeToken } from '../event/ids.ts';
import { entitySubjects } from '../event/subject.ts';
import { isNotFound } from '../nats/connection.ts';
import { onceMade } from '../nats/once-made.ts';
import type { Erasure, ErasureAct, ErasureRemoval } from './ledger.ts';
import type { ErasureRecords } from './records.ts';

export interface Acts {
  /** Purges the messages of the ids in `pending`, with the copies elsewhere. */
  purge(entry: Pick<Erasure, 'pending' | 'acts'>): Promise<void>;
  /** Ids of data subjects that have messages in the log, by the HMACs in `wanted`. */
  find(wanted: ReadonlySet<string>): Promise<Map<string, string>>;
}

export function createActs({ nc, key }: { nc: NatsConnection; key: Uint8Array }): Acts {
  const jsm = onceMade(() => nc.jetstreamManager({ checkAPI: false }));

  async function purge({ pending = [], acts }: Pick<Erasure, 'pending' | 'acts'>): Promise<void> {
    const { streams } = await jsm();
    for (const [i, id] of pending.entries()) {
      const seq = acts[i]?.seq as number;
      const token = encodeToken(id);
      for (const context of ['user', 'feedback'] as const) {
        await streams.purge(EVENTS.name, { filter: entitySubjects(context, id), seq });
        await streams.purge(DEAD_LETTERS.name, { filter: `dlq.*.${context}.${token}.*` }).catch(unlessMissing);
      }
      await streams.purge(`KV_${RANKINGS.name}`, { filter: `$KV.${RANKINGS.name}.user.${token}` }).catch(unlessMissing);
    }
  }

  async function find(wanted: ReadonlySet<string>): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    if (wanted.size === 0) return found;
    const { streams } = await jsm();
    const seen = new Set<string>();
    for (const filter of ['ev.user.>', 'ev.feedback.>']) {
      const { state } = await streams.info(EVENTS.name, { subjects_filter: filter });
      for (const subject of Object.keys(state.subjects ?? {})) {
        const token = subject.split('.')[2] as string;
        if (seen.has(token)) continue;
        seen.add(token);
        const id = decodeToken(token);
        const hmac = id === undefined ? '' : erasureHmac(key, id);
        if (id !== undefined && wanted.has(hmac)) found.set(hmac, id);
      }
    }
    return found;
  }

  return { purge, find };
}

/**
 * Opens an erasure again of which a restored log lacks records: the coordinator has yet to find the ids by their HMACs.
 * False, and the entry is unchanged, if the log holds all records.
 */
export async function reopenErasure(entry: Erasure, records: Pick<ErasureRecords, 'holds'>): Promise<boolean> {
  const missing: ErasureAct[] = [];
  for (const act of entry.acts) if (act.seq > 0 && !(await records.holds(act.act, 'erased'))) missing.push(act);
  const removals: ErasureRemoval[] = [];
  for (const removal of entry.removals ?? [])
    if (removal.seq === 0 || (await records.holds(removal.act, 'removed'))) removals.push(removal);
  if (missing.length === 0 && removals.length === (entry.removals ?? []).length) return false;
  for (const act of missing) act.seq = 0;
  Object.assign(entry, { state: 'recording', done: null, pending: [], removals, unnamed: true });
  for (const step of entry.services) {
    Object.assign(step, { state: 'waiting', at: null });
    delete step.down;
  }
  return true;
}

/** Gives the acts whose ids are found the first places, and their ids to `pending`. */
export function nameActs(entry: Erasure, found: ReadonlyMap<string, string>): void {
  const named = entry.acts.filter(({ hmac }) => found.has(hmac));
  // Acts whose ids are not found come last, because `pending` has no ids for them.
  entry.acts = [...named, ...entry.acts.filter((act) => !named.includes(act))];
  entry.pending = named.map(({ hmac }) => found.get(hmac) as string);
}

/** A stream of derived data may not exist yet. */
function unlessMissing(err: unknown): void {
  if (!isNotFound(err)) throw err;
}
