/** Prequential quality, as the snapshot in force says it: a value in KV that anybody may read. */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { ENGINE } from '../../streams.config.ts';
import { onceMade } from '../bus/nats/once-made.ts';
import { messageOf } from '../errors.ts';
import type { SnapshotQuality } from './api.ts';

/** Key of the snapshot in force. */
const CURRENT = 'current';

/** Reads it whenever it is asked for; null where there is no snapshot, or the bucket can't be read. */
export function createQualityReader(nc: NatsConnection, logger: Logger): () => Promise<SnapshotQuality | null> {
  const bucket = onceMade(() => nc.jetstream().views.kv(ENGINE.name, { bindOnly: true }));
  return async () => {
    try {
      const entry = await (await bucket()).get(CURRENT);
      if (entry?.operation !== 'PUT') return null;
      const { object, seq, prequential } = entry.json<{ object: string; seq: number; prequential: object | null }>();
      return prequential ? { snapshot: object, seq, ...prequential } : null;
    } catch (err) {
      logger.warn({ reason: messageOf(err) }, 'the snapshot in force can’t be read; the summary goes without quality');
      return null;
    }
  };
}
