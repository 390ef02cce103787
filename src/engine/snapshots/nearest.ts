/** The newest good snapshot at or before a position, for whoever looks beside the engine that runs. */
import type { NatsConnection } from 'nats';
import { createPublisher } from '../../bus/nats/publisher.ts';
import type { Config } from '../../config/schema.ts';
import { emptyModel } from '../fold/model-fold.ts';
import { type Restored, type RestoreOptions, restoreModel } from './restore.ts';
import { createSnapshots } from './snapshots.ts';

export interface NearestOptions extends Pick<RestoreOptions, 'log' | 'logger' | 'origin' | 'inputs' | 'onPassedOver'> {
  config: Config;
  nc: NatsConnection;
  /** The snapshot's position is this one at most. */
  upTo: number;
}

/** Reads it; an empty model at position 0 where there is no such snapshot. Throws only what the connection throws. */
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
