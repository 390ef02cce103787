/**
 * Where the model of a starting engine begins: at the newest good snapshot, or at the beginning of the log. If the rows
 * have not reached the snapshot, the engine folds them alone up to there (decision 0040).
 */
import type { Logger } from 'pino';
import { streamSeq } from '../../bus/event/ids.ts';
import type { Log } from '../../bus/log/port.ts';
import { checkLog } from '../../bus/projection/checks.ts';
import { FreshetError, messageOf } from '../../errors.ts';
import type { Model } from '../model/mod.ts';
import type { Origin } from '../settings/settings.ts';
import { incompatibility, type Manifest } from './manifest.ts';
import type { Snapshots } from './snapshots.ts';

export interface RestoreOptions {
  snapshots: Pick<Snapshots, 'current' | 'list' | 'read' | 'distrust'>;
  log: Log;
  logger: Pick<Logger, 'info' | 'warn'>;
  origin: Origin;
  /** Position of the rows. */
  checkpoint: number;
  /** Why rows cannot be folded alone up to a snapshot ahead of them, in words. Left out: such a snapshot is not used. */
  unfitAhead?: ((manifest: Manifest) => string | undefined) | undefined;
  /** Digest of the recorded inputs that count up to a position. */
  inputs: (seq: number) => string;
  /** Makes an empty model. */
  empty: () => Model;
  /** Called for each snapshot that should be usable and is not. */
  onBad?: () => void;
  /** Called with each snapshot that the engine skips, and the reason. */
  onSkipped?: (object: string, reason: string) => void;
}

export interface Restored {
  model: Model;
  /** Position of the model; 0 for an empty one. */
  seq: number;
  /** The snapshot that the model was read from. */
  manifest: Manifest | undefined;
}

/** A model from a snapshot, or an empty one. Throws only the errors of the connection. */
export async function restoreModel(options: RestoreOptions): Promise<Restored> {
  const { snapshots, logger, origin, checkpoint, unfitAhead, empty, onSkipped } = options;
  const found = await snapshots.list();
  const inForce = snapshots.current()?.object;
  if (inForce !== undefined && !found.some(({ object }) => object === inForce)) {
    logger.warn({ object: inForce }, 'the snapshot in force is missing');
    snapshots.distrust(inForce);
    options.onBad?.();
  }
  for (const manifest of found) {
    const { object, seq } = manifest;
    const reason = incompatibility(manifest, origin);
    if (reason !== undefined) {
      logger.info({ object, seq, reason }, 'the engine cannot use a snapshot and skips it');
      onSkipped?.(object, reason);
      continue;
    }
    const ahead = seq > checkpoint && (unfitAhead ? unfitAhead(manifest) : `made at sequence ${seq}`);
    if (typeof ahead === 'string') {
      logger.info(
        { object, seq, checkpoint, reason: ahead },
        'a snapshot is newer than the engine’s rows; the engine skips it',
      );
      onSkipped?.(object, ahead);
      continue;
    }
    if ((manifest.inputs ?? '') !== options.inputs(seq)) {
      logger.info({ object, seq }, 'a snapshot was made with other recorded inputs; the engine skips it');
      snapshots.distrust(object);
      onSkipped?.(object, 'made with other recorded inputs');
      continue;
    }
    const model = await readModel(manifest, options);
    if (model) return { model, seq, manifest };
    snapshots.distrust(object);
    options.onBad?.();
    onSkipped?.(object, 'damaged, or of another log');
  }
  return { model: empty(), seq: 0, manifest: undefined };
}

async function readModel(manifest: Manifest, options: RestoreOptions): Promise<Model | undefined> {
  const { snapshots, log, logger, empty } = options;
  const { object, seq, stream, marks } = manifest;
  const { refused } = await checkLog(log, {
    service: 'engine',
    checkpoint: { seq: streamSeq(seq), created: stream, fence: streamSeq(0) },
    fingerprints: marks,
  });
  if (refused) {
    logger.warn(
      { object, seq, code: refused.code, reason: refused.message },
      'a snapshot was made from another log; the engine skips it',
    );
    return undefined;
  }
  // An import may fail half-way, so each attempt has a model of its own.
  const model = empty();
  try {
    model.importState(await snapshots.read(manifest));
    return model;
  } catch (err) {
    const code = err instanceof FreshetError ? err.code : undefined;
    logger.warn(
      { object, seq, ...(code ? { code } : {}), reason: messageOf(err) },
      'the engine cannot read a snapshot and tries the one before it',
    );
    return undefined;
  }
}
