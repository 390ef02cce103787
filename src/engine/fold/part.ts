/** The model fold as a part of the engine: the state follower, and the progress of its catch-up. */
import { streamSeq } from '../../bus/event/ids.ts';
import type { Fingerprint } from '../../bus/projection/store.ts';
import type { ServicePart } from '../../bus/service/description.ts';
import type { InputSource } from '../artifacts/records.ts';
import type { Stops } from '../artifacts/trainings.ts';
import type { EngineContext } from '../engine-context.ts';
import { showQuality } from '../metrics.ts';
import type { Model } from '../model/mod.ts';
import { createCatchUpProgress } from './catch-up.ts';
import type { ForgottenUsers } from './forgotten-users.ts';
import { createModelFold, type ModelFold } from './model-fold.ts';
import { personalDataOf } from './personal-data.ts';
import type { EngineTables } from './projection.ts';
import { qualityOf } from './quality.ts';

/** The reason of a rebuild if the model still contains a forgotten user, and the rows no longer do. */
const LEARNED_FROM_FORGOTTEN = 'the model comes from a state that has learned from a user whom an erasure forgot since';

export interface FoldPartOptions {
  tables: EngineTables;
  /** The model that the fold begins with, its position, and where it comes from. */
  model: Model;
  seq: number;
  snapshot: string | undefined;
  readMs: number;
  inputs: InputSource;
  stops: Stops;
  forgotten: ForgottenUsers;
}

export interface FoldPart extends ServicePart {
  fold: ModelFold;
  /** Whether the model is behind the position that the rows had when the process started. */
  catchingUp(): boolean;
  /** The newest message of the catch-up; undefined: there was no catch-up. */
  mark(): Fingerprint | undefined;
  /** Throws if the model has folded only a part of a batch, because it then is the state of no position. */
  assertWhole(): void;
}

export function createFoldPart(context: EngineContext, options: FoldPartOptions): FoldPart {
  const { config, hash, store, metrics, logger, erasureKey } = context;
  const { tables, model, seq, snapshot, readMs, inputs, stops, forgotten } = options;
  const fold = createModelFold({
    config,
    tables,
    model,
    seq: streamSeq(seq),
    inputs,
    erasureKey,
    stops,
    records: { after: store.checkpoint().seq, userAt: forgotten.userAt },
    eraseEvents: config.erasure.slice_events,
  });
  const catchUp = createCatchUpProgress({ logger, from: seq, to: store.checkpoint().seq, snapshot, readMs });
  let mark: Fingerprint | undefined;
  let whole = true;
  /** A state from before an erasure, as in a restored snapshot, has learned from the forgotten user. */
  const renewStale = (): void => {
    if (model.stale && store.rebuildDue() === undefined) store.needRebuild(LEARNED_FROM_FORGOTTEN);
  };
  return {
    name: 'model fold',
    fold,
    catchingUp: catchUp.running,
    mark: () => mark,
    assertWhole: () => {
      if (!whole)
        throw new TypeError(`the model has folded only a part of the batch after sequence ${fold.position()}`);
    },
    personalData: personalDataOf(model),
    state: {
      position: fold.position,
      fold: (events, to, newest) => {
        whole = false;
        fold.fold(events, to);
        whole = true;
        mark = newest ?? mark;
      },
      erasing: fold.erasing,
      eraseSlice: () => {
        whole = false;
        fold.eraseSlice();
        whole = true;
      },
    },
    effects: [
      {
        name: 'catch-up',
        afterCommit: ({ events, seq: to, catchUp: again }) => {
          if (!again) return;
          catchUp.reached(to);
          metrics.recalled.inc(events.length);
          renewStale();
        },
        derive: renewStale,
      },
    ],
    status: () => {
      const { users, items, events } = model.stats();
      const warnings = Object.fromEntries(Object.entries(fold.warnings()).filter(([, count]) => count > 0));
      return {
        model: { config: hash, prequential: qualityOf(model), users, items, events, warnings },
        started_from: catchUp.status(),
      };
    },
    refreshMetrics: () => {
      const { users, items, pairs, bytes } = model.stats();
      metrics.users.set(users);
      metrics.items.set(items);
      metrics.pairs.set(pairs);
      metrics.bytes.set(bytes.pairs + bytes.buckets + bytes.postings + bytes.histories);
      showQuality(metrics, model.prequential());
      for (const [kind, count] of Object.entries(fold.warnings())) metrics.warnings.set({ kind }, count);
    },
  };
}
