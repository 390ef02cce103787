/**
 * What an erasure does to the log: it writes the records, and purges the messages of the data subjects. The coordinator
 * does so while the system runs, and a restore does so before any service starts.
 */
import { type NatsConnection, NatsError } from 'nats';
import { DEAD_LETTERS, EVENTS, RANKINGS } from '../../../streams.config.ts';
import { createCodec } from '../event/codec.ts';
import { erasureHmac } from '../event/erasure-hmac.ts';
import { decodeToken, encodeToken } from '../event/ids.ts';
import { entitySubjects, eventSubject } from '../event/subject.ts';
import type { Log } from '../log/port.ts';
import { isNotFound } from '../nats/connection.ts';
import { onceMade } from '../nats/once-made.ts';
import type { Erasure, ErasureAct } from './ledger.ts';

export interface Acts {
  /** Sequence of the act's record. Writes the record if the log does not hold it. */
  record(act: ErasureAct): Promise<number>;
  /** Purges the messages of the ids in `pending`, with the copies elsewhere. */
  purge(entry: Pick<Erasure, 'pending' | 'acts'>): Promise<void>;
  /**
   * Opens an erasure again whose records the log does not hold. It finds the users in the log by the HMACs. False, and
   * the entry is unchanged, if no record is missing.
   */
  reopen(entry: Erasure): Promise<boolean>;
  /** Data subjects that have messages in the log, by the HMACs in `wanted`. */
  find(wanted: ReadonlySet<string>): Promise<Map<string, string>>;
}

/** How often a record is offered as the very next message of the log, before its fence stays open. */
const ATTEMPTS = 10;
const WRONG_LAST_SEQUENCE = 10071;

const codec = createCodec();

export function createActs({ nc, log, key }: { nc: NatsConnection; log: Log; key: Uint8Array }): Acts {
  const jsm = onceMade(() => nc.jetstreamManager({ checkAPI: false }));

  const recordOf = (act: string) => log.newest(eventSubject('control', act, 'erased'));

  async function record({ act, hmac }: ErasureAct): Promise<number> {
    const subject = eventSubject('control', act, 'erased');
    const there = await recordOf(act);
    if (there) return there.seq;
    for (let attempt = 1; ; attempt++) {
      const { lastSeq } = await log.info();
      // The record reaches to the message before it. If others publish too fast, the fence stays open: a fence never
      // reaches beyond its own record.
      const exact = attempt <= ATTEMPTS;
      const fence = exact ? lastSeq : Number.MAX_SAFE_INTEGER;
      const prepared = codec.prepare(
        {
          specversion: '1.0',
          id: act,
          source: 'freshet',
          type: 'control.erased.v1',
          subject: act,
          datacontenttype: 'application/json',
          data: { hmac, fence },
        },
        { control: true },
      );
      if (!prepared.ok) throw new TypeError(prepared.problem.message);
      try {
        const ack = await nc.jetstream().publish(subject, prepared.prepared.payload, {
          msgID: prepared.prepared.identity,
          ...(exact ? { expect: { lastSequence: lastSeq } } : {}),
        });
        return ack.seq;
      } catch (err) {
        if (!(err instanceof NatsError) || err.api_error?.err_code !== WRONG_LAST_SEQUENCE) throw err;
      }
    }
  }

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

  async function reopen(entry: Erasure): Promise<boolean> {
    const missing: ErasureAct[] = [];
    for (const act of entry.acts) if (act.seq > 0 && !(await recordOf(act.act))) missing.push(act);
    if (missing.length === 0) return false;
    const ids = await find(new Set(missing.map(({ hmac }) => hmac)));
    const acts = missing.filter(({ hmac }) => ids.has(hmac));
    for (const act of missing) act.seq = 0;
    // Acts whose users the log does not hold come last, because `pending` has no ids for them.
    entry.acts = [...acts, ...entry.acts.filter((act) => !acts.includes(act))];
    Object.assign(entry, { state: 'recording', done: null, pending: acts.map(({ hmac }) => ids.get(hmac)) });
    for (const step of entry.services) {
      Object.assign(step, { state: 'waiting', at: null });
      delete step.down;
    }
    return true;
  }

  return { record, purge, reopen, find };
}

/** A stream of derived data may not exist yet. */
function unlessMissing(err: unknown): void {
  if (!isNotFound(err)) throw err;
}
