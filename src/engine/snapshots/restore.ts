/** Where a start begins: the newest good snapshot that the rows are not behind, or the log's beginning. */
import type { Logger } from 'pino';
import { streamSeq } from '../../bus/event/ids.ts';
import type { Log } from '../../bus/log/port.ts';
import { checkLog } from '../../bus/projection/checks.ts';
import { FreshetError, messageOf } from '../../errors.ts';
import type { Model } from '../model/mod.ts';
import type { Origin } from '../settings/settings.ts';
import { type Manifest, strangeness } from './manifest.ts';
import type { Snapshots } from './snapshots.ts';

export interface RestoreOptions {
  snapshots: Pick<Snapshots, 'current' | 'list' | 'read' | 'distrust'>;
  log: Log;
  logger: Pick<Logger, 'info' | 'warn'>;
  origin: Origin;
  /** Position of the rows: what is newer is no part of them. */
  checkpoint: number;
  /** What identifies the recorded inputs that count up to a position. */
  inputs: (seq: number) => string;
  /** An empty model. */
  empty: () => Model;
  /** Told of each snapshot that was passed over although it should have been good. */
  onBad?: () => void;
  /** Told of each snapshot that is not used, and why. */
  onPassedOver?: (object: string, reason: string) => void;
}

export interface Restored {
  model: Model;
  /** Position of the log that it holds; 0: nothing. */
  seq: number;
  /** The snapshot that it came from. */
  manifest: Manifest | undefined;
}

/** A model that was stored, or an empty one. Throws only what the way to the server throws. */
export async function restoreModel(options: RestoreOptions): Promise<Restored> {
  const { snapshots, logger, origin, checkpoint, empty, onPassedOver } = options;
  const found = await snapshots.list();
  const inForce = snapshots.current()?.object;
  if (inForce !== undefined && !found.some(({ object }) => object === inForce)) {
    logger.warn({ object: inForce }, 'the snapshot in force is not there');
    snapshots.distrust(inForce);
    options.onBad?.();
  }
  for (const manifest of found) {
    const { object, seq } = manifest;
    const strange = strangeness(manifest, origin);
    if (strange !== undefined) {
      logger.info({ object, seq, reason: strange }, 'a snapshot is not one of this engine’s, and is passed over');
      onPassedOver?.(object, strange);
      continue;
    }
    if (seq > checkpoint) {
      logger.info({ object, seq, checkpoint }, 'a snapshot is newer than the engine’s rows, and is passed over');
      onPassedOver?.(object, `made at sequence ${seq}`);
      continue;
    }
    if ((manifest.inputs ?? '') !== options.inputs(seq)) {
      logger.info({ object, seq }, 'a snapshot was made with other recorded inputs, and is passed over');
      snapshots.distrust(object);
      onPassedOver?.(object, 'made with other recorded inputs');
      continue;
    }
    const model = await readModel(manifest, options);
    if (model) return { model, seq, manifest };
    snapshots.distrust(object);
    options.onBad?.();
    onPassedOver?.(object, 'damaged, or of another log');
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
    logger.warn({ object, seq, code: refused.code, reason: refused.message }, 'a snapshot is of another log');
    return undefined;
  }
  // Reading it into a model may fail half-way, so each attempt has a model of its own.
  const model = empty();
  try {
    model.importState(await snapshots.read(manifest));
    return model;
  } catch (err) {
    const code = err instanceof FreshetError ? err.code : undefined;
    logger.warn(
      { object, seq, ...(code ? { code } : {}), reason: messageOf(err) },
      'a snapshot can’t be used; the one before it is tried',
    );
    return undefined;
  }
}
