/** The model that a runtime begins with: that of a rebuild, else the newest good snapshot's, else an empty one. */

import { acceptedLosses, mayHold } from '../../bus/log/losses.ts';
import type { EngineContext } from '../engine-context.ts';
import { emptyModel } from '../fold/model-fold.ts';
import { type Restored, restoreModel } from '../snapshots/restore.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import { type ModelAhead, type RebuiltModel, readImage } from './rebuild.ts';

export interface StartingModel extends Restored {
  /** Whether the model comes from a rebuild, whose image still exists. */
  rebuilt: RebuiltModel | undefined;
  /** Milliseconds that reading it took. */
  readMs: number;
}

/**
 * @param inputs digest of the recorded inputs that count up to a position
 * @param ahead the model of the rebuild, if it was read before the cut-over
 */
export async function startingModel(
  { config, files, origin, store, log, logger, metrics }: EngineContext,
  snapshots: Snapshots,
  inputs: (seq: number) => string,
  ahead?: ModelAhead,
): Promise<StartingModel> {
  const began = performance.now();
  const checkpoint = store.checkpoint().seq;
  // A rebuild from the log goes before any snapshot, since a bad snapshot may be its reason.
  const losses = await acceptedLosses(log);
  const rebuilt = readImage(files.image, {
    config,
    ahead,
    origin: origin(),
    checkpoint,
    inputs,
    holdsLost: (seq) => losses.some((loss) => mayHold(loss, seq)),
  });
  const restored: Restored = rebuilt
    ? { model: rebuilt.model, seq: rebuilt.seq, manifest: undefined }
    : await restoreModel({
        snapshots,
        log,
        logger,
        origin: origin(),
        checkpoint,
        inputs,
        empty: () => emptyModel(config),
        onBad: () => metrics.snapshotsBad.inc(),
      });
  return { ...restored, rebuilt, readMs: performance.now() - began };
}
