/** The records of an erasure in the log. Each can be written again: the log keeps the first one of an act. */
import { type NatsConnection, NatsError } from 'nats';
import { createCodec } from '../event/codec.ts';
import { eventSubject } from '../event/subject.ts';
import type { Log } from '../log/port.ts';
import type { ErasureAct } from './ledger.ts';

export interface ErasureRecords {
  /** Sequence of the record that forgets an id. Writes the record if the log does not hold it. */
  erased(act: ErasureAct): Promise<number>;
  /** Sequence of the record that removes these messages. Writes the record if the log does not hold it. */
  removed(act: string, sequences: readonly number[]): Promise<number>;
  /** Whether the log holds the record of an act. */
  holds(act: string, verb: 'erased' | 'removed'): Promise<boolean>;
}

/** How often Freshet tries to write a record as the very next message of the log, before it leaves the fence open. */
const ATTEMPTS = 10;
const WRONG_LAST_SEQUENCE = 10071;

const codec = createCodec();

export function createErasureRecords({ nc, log }: { nc: NatsConnection; log: Log }): ErasureRecords {
  /** Throws `NatsError`, also if `lastSequence` is not the log's last sequence. */
  async function write(act: string, verb: string, data: object, lastSequence?: number): Promise<number> {
    const prepared = codec.prepare(
      {
        specversion: '1.0',
        id: act,
        source: 'freshet',
        type: `control.${verb}.v1`,
        subject: act,
        datacontenttype: 'application/json',
        data,
      },
      { control: true },
    );
    if (!prepared.ok) throw new TypeError(prepared.problem.message);
    const ack = await nc.jetstream().publish(eventSubject('control', act, verb), prepared.prepared.payload, {
      msgID: prepared.prepared.identity,
      ...(lastSequence === undefined ? {} : { expect: { lastSequence } }),
    });
    return ack.seq;
  }

  const written = (act: string, verb: string) => log.newest(eventSubject('control', act, verb));

  return {
    erased: async ({ act, hmac }) => {
      const there = await written(act, 'erased');
      if (there) return there.seq;
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const { lastSeq } = await log.info();
        try {
          return await write(act, 'erased', { hmac, fence: lastSeq }, lastSeq);
        } catch (err) {
          if (!(err instanceof NatsError) || err.api_error?.err_code !== WRONG_LAST_SEQUENCE) throw err;
        }
      }
      // Others publish too fast for the very next message. An open fence never reaches beyond its own record.
      return write(act, 'erased', { hmac, fence: Number.MAX_SAFE_INTEGER });
    },
    removed: async (act, sequences) =>
      (await written(act, 'removed'))?.seq ?? (await write(act, 'removed', { sequences })),
    holds: async (act, verb) => (await written(act, verb)) !== undefined,
  };
}
