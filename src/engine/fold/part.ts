/**
 * The model fold as a part of the engine: the state follower, and the progress of a start. If the model began ahead of the
 * rows, at a snapshot, the follower waits there until the loop has folded the rows alone (decision 0040).
 */
import type { LoggedEvent } from '../../bus/event/codec.ts';
import { streamSeq } from '../../bus/event/ids.ts';
import { lossOf } from '../../bus/log/losses.ts';
import { LOSS_ACCEPTED } from '../../bus/projection/lost-rows.ts';
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

/** The same if the log lost the messages before the rows were folded up to a snapshot that holds them. */
const HELD_BY_SNAPSHOT =
  'the model comes from a snapshot with messages that the log no longer held when the rows came there';

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
  /** Whether callers are requesting lists now. */
  asked: () => boolean;
}

export interface FoldPart extends ServicePart {
  fold: ModelFold;
  /**
   * Whether the model is behind the position that the rows had when the process started, or waits for the rows at a
   * snapshot.
   */
  catchingUp(): boolean;
  /** Whether the loop folds the rows alone, up to the position of the model. */
  rowsAlone(): boolean;
  /** The newest message of the catch-up; undefined: there was no catch-up. */
  mark(): Fingerprint | undefined;
  /** Throws if the model has folded only a part of a batch, because it then is the state of no position. */
  assertWhole(): void;
}

export function createFoldPart(context: EngineContext, options: FoldPartOptions): FoldPart {
  const { config, hash, log, store, metrics, logger, erasureKey } = context;
  const { tables, model, seq, snapshot, readMs, inputs, stops, forgotten, asked } = options;
  const begun = store.checkpoint().seq;
  let rowsAlone = seq > begun;
  /** See {@link KnownRecords.after}. An empty model knows only users whom the rows know. */
  let knownAfter = seq === 0 ? begun : Number.POSITIVE_INFINITY;
  /**
   * A message that is gone has its record in the log already: purges come after it. Until the log answers, the fold searches
   * for each user that the rows did not know.
   */
  const knowFromHead = (): void =>
    void log.info().then(
      ({ lastSeq }) => {
        knownAfter = lastSeq;
      },
      (err: unknown) => logger.debug({ err }, 'the engine could not read the end of the log'),
    );
  if (seq > 0 && !rowsAlone) knowFromHead();
  const fold = createModelFold({
    config,
    tables,
    model,
    seq: streamSeq(seq),
    inputs,
    erasureKey,
    stops,
    records: {
      userAt: forgotten.userAt,
      after: () => knownAfter,
      onUnknown: (record) => {
        if (record > begun) store.needRebuild(LEARNED_FROM_FORGOTTEN);
      },
    },
    eraseEvents: config.erasure.slice_events,
    beside: { logger, rests: asked },
  });
  const catchUp = createCatchUpProgress({ logger, from: seq, rows: begun, snapshot, readMs });
  let mark: Fingerprint | undefined;
  let whole = true;
  /** A state from before an erasure, as in a restored snapshot, has learned from the forgotten user. */
  const renewStale = (): void => {
    if (model.stale && store.rebuildDue() === undefined) store.needRebuild(LEARNED_FROM_FORGOTTEN);
  };
  /** A rebuild is due if a record names messages that the snapshot holds and the rows may never have read. */
  function noteGone(events: readonly LoggedEvent[]): void {
    for (const event of events) {
      if (event.seq > knownAfter) return;
      if (event.type === 'control.removed.v1' && event.data.sequences.some((gone) => gone <= seq))
        store.needRebuild(HELD_BY_SNAPSHOT);
      const loss = lossOf(event);
      if (loss?.sequences.some(({ first }) => first <= seq)) store.needRebuild(LOSS_ACCEPTED);
    }
  }
  /** Events behind the model, once the rows have come to its position; undefined: they have not. */
  function besideRows(events: readonly LoggedEvent[], to: number): readonly LoggedEvent[] | undefined {
    catchUp.rowsReached(to);
    if (to < seq) return undefined;
    rowsAlone = false;
    knowFromHead();
    return events.filter((event) => event.seq > seq);
  }
  return {
    name: 'model fold',
    fold,
    catchingUp: () => rowsAlone || catchUp.running(),
    rowsAlone: () => rowsAlone,
    mark: () => mark,
    assertWhole: () => {
      if (!whole)
        throw new TypeError(`the model has folded only a part of the batch after sequence ${fold.position()}`);
    },
    personalData: personalDataOf(model),
    stopped: async () => fold.close(),
    state: {
      position: fold.position,
      fold: (events, to, newest) => {
        const left = rowsAlone ? besideRows(events, to) : events;
        if (left === undefined) return;
        if (seq > begun) noteGone(left);
        whole = false;
        if (to > fold.position()) fold.fold(left, to);
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
      const { users, items, events } = model.counts();
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
