/** Reads the newest good snapshot at or before a position, for code outside the running engine. */
import type { NatsConnection } from 'nats';
import { createPublisher } from '../../bus/nats/publisher.ts';
import type { Config } from '../../config/schema.ts';
import { emptyModel } from '../fold/model-fold.ts';
import { type Restored, type RestoreOptions, restoreModel } from './restore.ts';
import { createSnapshots } from './snapshots.ts';

export interface NearestOptions extends Pick<RestoreOptions, 'log' | 'logger' | 'origin' | 'inputs' | 'onSkipped'> {
  config: Config;
  nc: NatsConnection;
  /** Highest position of the snapshot. */
  upTo: number;
}

/** Reads it; an empty model at position 0 if there is no such snapshot. Throws only the errors of the connection. */
export async function nearestModel({ config, nc, upTo, ...from }: NearestOptions): Promise<Restored> {
  const publisher = createPublisher(nc);
  try {
    const snapshots = await createSnapshots({
      nc,
      publisher,
      logger: from.logger,
      origin: () => from.origin,
      keep: config.engine.snapshots_kept,
      stallMs: config.engine.snapshot_stall_ms,
    });
    return await restoreModel({ ...from, snapshots, checkpoint: upTo, empty: () => emptyModel(config) });
  } finally {
    await publisher.close();
  }
}
