/** The model that a runtime begins with: that of a rebuild, else the newest good snapshot's, else an empty one. */

import { ERASURE_RECORDS, REMOVAL_RECORDS } from '../../bus/event/subject.ts';
import { acceptedLosses, mayHold } from '../../bus/log/losses.ts';
import type { Log } from '../../bus/log/port.ts';
import type { EngineContext } from '../engine-context.ts';
import { emptyModel } from '../fold/model-fold.ts';
import type { Manifest } from '../snapshots/manifest.ts';
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
  const empty = (): Restored => ({ model: emptyModel(config), seq: 0, manifest: undefined });
  async function restored(): Promise<Restored> {
    if (!config.engine.start_from_snapshot) return empty();
    // Rows of another fold version were removed just now, or a rebuild makes these anew: it reads the log from its start.
    const wholeRows = !store.rebuilt && store.rebuildDue() === undefined;
    return restoreModel({
      snapshots,
      log,
      logger,
      origin: origin(),
      checkpoint,
      unfitAhead: wholeRows ? await aheadOfRows(log) : undefined,
      inputs,
      empty: () => emptyModel(config),
      onBad: () => metrics.snapshotsBad.inc(),
    });
  }
  const { model, seq, manifest } = rebuilt ? { ...rebuilt, manifest: undefined } : await restored();
  return { model, seq, manifest, rebuilt, readMs: performance.now() - began };
}

/**
 * Why the rows cannot be folded alone up to a snapshot: they would not show what the snapshot holds of a forgotten user,
 * whose messages the log no longer holds.
 */
async function aheadOfRows(log: Log): Promise<(manifest: Manifest) => string | undefined> {
  const [erased, removed] = await Promise.all([log.newest(ERASURE_RECORDS), log.newest(REMOVAL_RECORDS)]);
  return ({ seq, exact }) => {
    if ((erased?.seq ?? 0) > seq) return `made before the erasure at sequence ${erased?.seq}`;
    if ((removed?.seq ?? 0) > seq) return `made before the removal of messages at sequence ${removed?.seq}`;
    return exact === true ? undefined : 'its manifest does not say that it is exact';
  };
}
