/**
 * The acts of an erasure in the log: their records, and whom they name. The coordinator writes the records while the
 * system runs, and a restore does so before any service starts.
 */
import type { NatsConnection } from 'nats';
import { EVENTS } from '../../../streams.config.ts';
import { erasureHmac } from '../event/erasure-hmac.ts';
import { decodeToken } from '../event/ids.ts';
import type { Log } from '../log/port.ts';
import { onceMade } from '../nats/once-made.ts';
import type { Erasure, ErasureAct, ErasureRemoval } from './ledger.ts';
import { createErasureRecords } from './records.ts';

export interface Acts {
  /** Sequence of the act's record. Writes the record if the log does not hold it. */
  record(act: ErasureAct): Promise<number>;
  /**
   * Opens an erasure again whose records the log does not hold. It finds the users in the log by the HMACs. False, and
   * the entry is unchanged, if no record is missing.
   */
  reopen(entry: Erasure): Promise<boolean>;
  /** Data subjects that have messages in the log, by the HMACs in `wanted`. */
  find(wanted: ReadonlySet<string>): Promise<Map<string, string>>;
}

export function createActs({ nc, log, key }: { nc: NatsConnection; log: Log; key: Uint8Array }): Acts {
  const jsm = onceMade(() => nc.jetstreamManager({ checkAPI: false }));

  const records = createErasureRecords({ nc, log });

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

  async function reopen(entry: Erasure): Promise<boolean> {
    const missing: ErasureAct[] = [];
    for (const act of entry.acts) if (act.seq > 0 && !(await records.holds(act.act, 'erased'))) missing.push(act);
    const removals: ErasureRemoval[] = [];
    for (const removal of entry.removals ?? [])
      if (removal.seq === 0 || (await records.holds(removal.act, 'removed'))) removals.push(removal);
    if (missing.length === 0 && removals.length === (entry.removals ?? []).length) return false;
    const ids = await find(new Set(missing.map(({ hmac }) => hmac)));
    for (const act of missing) act.seq = 0;
    nameActs(entry, ids);
    Object.assign(entry, { state: 'recording', done: null, removals, unnamed: true });
    delete entry.messages;
    for (const step of entry.services) {
      Object.assign(step, { state: 'waiting', at: null });
      delete step.down;
    }
    return true;
  }

  return { record: records.erased, reopen, find };
}

/**
 * Gives an erasure the ids that are known by their HMACs. Acts without an id come last, because `pending` has no ids for
 * them; the others keep their order, sessions before the user.
 */
export function nameActs(entry: Erasure, ids: ReadonlyMap<string, string>): void {
  const named = entry.acts.filter(({ hmac }) => ids.has(hmac));
  entry.acts = [...named, ...entry.acts.filter((act) => !named.includes(act))];
  entry.pending = named.map(({ hmac }) => ids.get(hmac) as string);
}
