/** Reads prequential quality from the snapshot in force, which is a value in KV. */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { ENGINE } from '../../streams.config.ts';
import { onceMade } from '../bus/nats/once-made.ts';
import { messageOf } from '../errors.ts';
import type { SnapshotQuality } from './api.ts';

/** Key of the snapshot in force. */
const CURRENT = 'current';

/** Each call of the returned function reads KV. It gives null without a snapshot, or if it cannot read the bucket. */
export function createQualityReader(nc: NatsConnection, logger: Logger): () => Promise<SnapshotQuality | null> {
  const bucket = onceMade(() => nc.jetstream().views.kv(ENGINE.name, { bindOnly: true }));
  return async () => {
    try {
      const entry = await (await bucket()).get(CURRENT);
      if (entry?.operation !== 'PUT') return null;
      const { object, seq, prequential } = entry.json<{ object: string; seq: number; prequential: object | null }>();
      return prequential ? { snapshot: object, seq, ...prequential } : null;
    } catch (err) {
      logger.warn(
        { reason: messageOf(err) },
        'the feedback service cannot read the snapshot in force; the summary has no prequential quality',
      );
      return null;
    }
  };
}
