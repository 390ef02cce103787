/**
 * The settings and the ranker in force, as a part of the engine: it puts folded promotions and rollbacks in force, and
 * answers the requests of operators for them.
 */
import type { ServicePart } from '../../bus/service/description.ts';
import type { InputRecords, RecordedInput } from '../artifacts/records.ts';
import type { EngineContext } from '../engine-context.ts';
import type { ModelFold } from '../fold/model-fold.ts';
import { configHash } from '../settings/settings.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import { type Activation, activationOf } from './activations.ts';
import { contentsEndpoint } from './contents.ts';
import type { SettingsInForce } from './in-force.ts';
import { createPins } from './pins.ts';
import { hashModel, type LiveModelHash } from './rebuild.ts';
import { inForceView, rollbackEndpoints } from './rollback.ts';

/** The endpoint for `freshet verify`. */
export const MODEL_HASH = {
  description:
    'SHA-256 of the model’s statistics and of its whole state, with their log position and the hash of the configuration',
  example: {},
} as const;

export interface LifecyclePartOptions {
  settings: SettingsInForce;
  /** The activation that put the settings of this runtime in force. */
  activation: Activation | undefined;
  fold: ModelFold;
  records: InputRecords;
  snapshots: Snapshots;
  /** Moves the snapshot pointer to an older snapshot. */
  point: Snapshots['point'];
  /** Called when the engine recorded a pin, which needs a copy. */
  onRecorded: (input: RecordedInput) => void;
}

export interface LifecyclePart extends ServicePart {
  /** Snapshot that the ranker is pinned to; undefined: it learns. */
  pinned(): string | undefined;
}

/** The first instance answers for rollbacks, and records pins. */
export function createLifecyclePart(context: EngineContext, options: LifecyclePartOptions): LifecyclePart {
  const { store, files, logger, config, hash, first, rows, origin, codec, publisher, reached } = context;
  const { settings, activation, fold, records, snapshots, point, onRecorded } = options;
  const pins = createPins({ records, snapshots: { ...snapshots, point }, config: hash, rows, logger, onRecorded });
  /** Hash of the settings under which a rebuild folds the log now; undefined: those of this runtime are in force. */
  let coming: string | undefined;

  async function recordPin(of: Activation): Promise<void> {
    if (first) await pins.activate(of);
  }

  /** Puts the newest activation in force: at once if only the ranker changes, by a rebuild if settings change. */
  async function activateNewest(): Promise<void> {
    const newest = settings.activations().at(-1);
    if (!newest) return;
    const next = settings.now();
    const wanted = configHash(next.config);
    if (wanted === (coming ?? hash)) {
      if (coming === undefined) await recordPin(newest);
      return;
    }
    coming = wanted === hash ? undefined : wanted;
    logger.info(
      { act: newest.act, verb: newest.verb, from: hash, to: wanted },
      'an activation brings other settings into force; a rebuild folds the log under them first',
    );
    context.refold(settings.define(next), ['--beside']);
  }

  let pinnedThen: string | undefined;
  /** The last known value during a cut-over, when this file is closed. */
  const pinnedNow = (): string | undefined => {
    if (store.db.open) pinnedThen = fold.model.pinned ? pins.pinned() : undefined;
    return pinnedThen;
  };

  return {
    name: 'settings in force',
    pinned: pinnedNow,
    endpoints: {
      ...(first
        ? rollbackEndpoints({
            snapshots,
            pins,
            activations: settings.activations,
            config,
            file: settings.file,
            origin,
            coming: () => coming,
            codec,
            publisher,
            reached,
          })
        : {}),
      hash: {
        ...MODEL_HASH,
        ofInstance: true,
        handle: (): LiveModelHash => ({ ...hashModel(fold.model, fold.position()), config: hash }),
      },
      contents: contentsEndpoint(files.live, fold.model, fold.position),
    },
    effects: [
      {
        name: 'activations',
        afterCommit: ({ events, catchUp }) => {
          if (catchUp) return undefined;
          const found = events.flatMap((event) => activationOf(event) ?? []);
          for (const one of found) settings.add(one);
          return found.length > 0 ? activateNewest() : undefined;
        },
        derive: async (since) => {
          if (since > 0) {
            await settings.refresh(store.checkpoint().seq);
            await activateNewest();
          }
          // At a start, the pin of the activation in force may not be recorded yet.
          else if (activation && activation.seq <= store.checkpoint().seq) await recordPin(activation);
        },
      },
    ],
    status: () => ({
      in_force: inForceView({
        activation: settings.now().activation,
        file: settings.file,
        config,
        coming,
        pinned: pinnedNow(),
      }),
    }),
    start: () => {
      const file = configHash(settings.file);
      if (file === hash) return;
      logger.info(
        { act: activation?.act, verb: activation?.verb, in_force: hash, file },
        'the settings in force differ from those of the file, after a promotion or a rollback',
      );
    },
  };
}
