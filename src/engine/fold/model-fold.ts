/** The model in memory: a fold of the log. When a process starts, it may be behind the engine's rows. */

import { isInteraction, type LoggedEvent } from '../../bus/event/codec.ts';
import { eventIdentity, itemId, type StreamSeq, streamSeq, userId } from '../../bus/event/ids.ts';
import { countedTime } from '../../bus/event/time.ts';
import type { Config } from '../../config/schema.ts';
import { decodePin } from '../artifacts/pin.ts';
import { type InputSource, type RecordedInput, sha256Of } from '../artifacts/records.ts';
import type { Stops } from '../artifacts/trainings.ts';
import {
  createModel,
  InputUnreadableError,
  type Model,
  type WarningName,
  type WeightsConfig,
  weigh,
} from '../model/mod.ts';
import { configHash } from '../settings/settings.ts';
import { trainedKinds } from '../train/settings.ts';
import { type BesideOptions, besideWanted, learnBeside } from './beside/beside.ts';
import { type EventTarget, record } from './beside/commands.ts';
import { createHmacSearch } from './hmac-search.ts';
import { type EngineTables, traitsAt, weightsOf } from './projection.ts';

/** An empty model under this configuration. */
export function emptyModel({ engine }: Config): Model {
  return createModel({
    statistics: { bucketMs: engine.popularity_bucket_ms },
    ranking: {
      serveUnpublished: engine.serve_unpublished,
      includeSeen: engine.include_seen,
      traitsMatch: engine.traits_match,
    },
    followLow: engine.follow_low_ratings,
    mapped: { judgedEvents: engine.training_judged_events },
    ranker: {
      form: engine.ranker_form,
      hidden: engine.ranker_units,
      learningRate: engine.ranker_rate,
      dense: engine.ranker_dense,
      budget: { perSecond: engine.ranker_per_s, perEvent: engine.ranker_share, burst: engine.ranker_burst },
    },
    impressions: {
      listsOfUser: engine.shown_of_user,
      listsKept: engine.shown_kept,
      places: engine.shown_places,
    },
    prequential: {
      every: engine.prequential_every,
      window: engine.prequential_window,
      windowLong: engine.prequential_window_long,
    },
  });
}

/** Event times that show a fault of their publisher: more than a day behind the clock of the log, or in 1970. */
export type TimeWarning = 'time-ahead' | 'time-1970';

/** Recorded inputs whose bytes are damaged, or of a version that this release does not read. */
export type InputWarning = 'input-unreadable';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

/** The model in memory, and its position in the log. */
export interface ModelFold {
  readonly model: Model;
  /** Position up to which it has folded the log. */
  position(): StreamSeq;
  /** Irregularities since the fold was made, by kind. None of them stops the fold. */
  warnings(): Readonly<Record<WarningName | TimeWarning | InputWarning, number>>;
  /** Folds applied events, in log order; afterwards the fold is at `seq`. */
  fold(events: readonly LoggedEvent[], seq: StreamSeq): void;
  /** Whether an erasure is under way, see {@link Model.erasing}. */
  erasing(): boolean;
  /** The next slice of the erasures under way. */
  eraseSlice(): void;
  /** Ends the thread beside the fold, which goes on in one. */
  close(): void;
}

/** What the rows know of the records that they folded in this process. */
export interface KnownRecords {
  /** The user whom a record forgets; undefined: the rows did not know the user. */
  userAt(record: number): string | undefined;
  /**
   * Position behind which the rows know all users of the model. They did not fold the records up to there in this process,
   * or the log may have lost the user's messages before the rows read them.
   */
  after(): number;
  /** Called for a record whose user the model knew, and the rows did not name it. */
  onUnknown(record: number): void;
}

export interface ModelFoldOptions {
  config: Config;
  tables: EngineTables;
  /** Left out: an empty model, at the beginning of the log. */
  model?: Model;
  /** Position of the model. */
  seq?: StreamSeq;
  /** Recorded inputs; left out: none. */
  inputs?: InputSource;
  /** Positions at which the fold pauses, for a training or a pin. */
  stops?: Stops;
  /** Key of the HMACs by which records of erasures name users. */
  erasureKey?: Uint8Array;
  /** Left out: the fold finds the user of each record by HMAC. */
  records?: KnownRecords;
  /** Most events of erasures that one step takes out; left out: all, so that no erasure is ever under way. */
  eraseEvents?: number;
  /** For a second thread that learns beside the fold, up to a size of the model; left out: the fold learns in one thread. */
  beside?: Pick<BesideOptions, 'logger' | 'rests'> | undefined;
}

export function createModelFold({
  config,
  tables,
  model = emptyModel(config),
  seq = streamSeq(0),
  inputs,
  stops,
  erasureKey = new Uint8Array(),
  records,
  eraseEvents = Number.POSITIVE_INFINITY,
  beside: thread,
}: ModelFoldOptions): ModelFold {
  // The thread has to fold all that the model has folded.
  const beside = thread && seq === 0 && besideWanted(config) ? learnBeside({ ...thread, config, model }) : undefined;
  const weights = weightsOf(config);
  const kinds = trainedKinds(config);
  const hash = configHash(config);
  let at = seq;
  const search = createHmacSearch(erasureKey);
  /** Cuts a user off. A state older than the rows still holds the user, and finds its own id by the record's HMAC. */
  const forget: Forget = (record, hmac) => {
    const known = records?.userAt(record);
    const searched = known === undefined && (records === undefined || record <= records.after());
    const user = searched ? search.find(model, hmac) : known;
    if (user === undefined) return undefined;
    if (searched) records?.onUnknown(record);
    model.cutOff(userId(user));
    model.erase(eraseEvents);
    return user;
  };
  const odd: Record<TimeWarning | InputWarning, number> = { 'time-ahead': 0, 'time-1970': 0, 'input-unreadable': 0 };

  function adopt({ kind, bytes, sha256, from_seq }: RecordedInput): void {
    // The engine neither trains nor uses kinds that the configuration switches off.
    if (kind !== 'ranker' && !kinds.includes(kind)) return;
    try {
      if (sha256Of(bytes) !== sha256) throw new InputUnreadableError('its bytes do not match the recorded SHA-256');
      if (kind === 'ranker') {
        const pin = decodePin(bytes);
        if (pin.config !== hash) return;
        beside?.end('the ranker is pinned');
        model.pinRanker(pin.ranker);
        return;
      }
      model.adopt({ kind, bytes, seq: from_seq });
    } catch (err) {
      // Every fold of the log finds the same, so all of them go on without this input.
      if (!(err instanceof InputUnreadableError)) throw err;
      odd['input-unreadable']++;
    }
  }

  function teach(events: readonly LoggedEvent[]): void {
    if (beside?.isOpen && events.some(({ type }) => type === 'control.erased.v1'))
      beside.end('the engine forgets a user');
    if (!beside?.isOpen) {
      learn(model, events, tables, weights, forget);
      return;
    }
    const commands = record((target) => learn(target, events, tables, weights, forget));
    beside.tell(commands, events[0]?.seq ?? 0);
  }

  /** Folds up to a position, and reads each input at the position from which it counts. */
  function advance(events: readonly LoggedEvent[], to: StreamSeq): void {
    let done = 0;
    for (const input of inputs?.between(at, to) ?? []) {
      const end = firstFrom(events, input.from_seq, done);
      teach(events.slice(done, end));
      done = end;
      adopt(input);
    }
    teach(done === 0 ? events : events.slice(done));
    at = to;
    if (records !== undefined && at >= records.after()) search.clear();
  }

  return {
    model,
    position: () => at,
    fold: (events, to) => {
      let rest = events;
      // One stop at a time, because a stop may change the inputs that count from there.
      const next = (after: number): number => stops?.next(after) ?? Number.POSITIVE_INFINITY;
      for (let stop = next(at); stop <= to; stop = next(stop)) {
        const end = firstFrom(rest, stop + 1, 0);
        advance(rest.slice(0, end), streamSeq(stop));
        rest = rest.slice(end);
        stops?.reached(at);
      }
      if (at < to) advance(rest, to);
      for (const event of events) {
        // The time at which the log took the event, so that no date in the future moves the clock.
        if (event.time > event.timestamp + DAY_MS) odd['time-ahead']++;
        else if (event.time < YEAR_MS) odd['time-1970']++;
      }
    },
    erasing: () => model.erasing,
    eraseSlice: () => model.erase(eraseEvents),
    close: () => beside?.end('the fold has ended'),
    warnings: () => ({ ...model.warnings(), ...odd }),
  };
}

/** Forgets the user of the record at a position; undefined: the model does not know the user. */
type Forget = (record: number, hmac: string) => string | undefined;

/** Index of the first event at or after a sequence, from an index on. */
function firstFrom(events: readonly LoggedEvent[], seq: number, place: number): number {
  let at = place;
  while (at < events.length && (events[at] as LoggedEvent).seq < seq) at++;
  return at;
}

/**
 * Folds events that the rows hold already. The fold reads facts that an event does not contain (the user of a session,
 * traits, the sequence of an identity) from the rows, as of the position of the event, so the result does not depend on
 * how far the rows are ahead.
 */
export function learn(
  model: EventTarget,
  events: readonly LoggedEvent[],
  tables: EngineTables,
  weights: WeightsConfig,
  forget: Forget = () => undefined,
): void {
  for (const event of events) {
    // Event by event, so that the model learns the same from a list whatever the batch.
    model.clock = countedTime(event);
    if (isInteraction(event)) {
      const { weight, negative } = weigh(event.verb, event.data.value, weights);
      if (weight > 0)
        model.interact({
          user: userId(event.subject),
          item: itemId(event.data.item),
          weight,
          negative,
          time: countedTime(event),
          seq: event.seq,
        });
      continue;
    }
    switch (event.type) {
      case 'user.registered.v1':
      case 'user.updated.v1':
        readTraits(model, tables.linkHistory.ownerAt(event.subject, event.seq), event.seq, tables);
        break;
      case 'user.linked.v1': {
        model.link(userId(event.subject), userId(event.data.session), event.seq);
        // The traits of the session now belong to the user, and no longer to the session.
        const user = tables.linkHistory.ownerAt(event.subject, event.seq);
        if (tables.linkHistory.ownerAt(event.data.session, event.seq) === user && event.data.session !== user)
          model.setTraits(userId(event.data.session), {});
        readTraits(model, user, event.seq, tables);
        break;
      }
      case 'user.retracted.v1': {
        const seq = tables.identitySeq.get(eventIdentity(event.data.source, event.data.id))?.seq;
        // A retraction of a link has no effect: the model can't split a history that it merged.
        if (seq !== undefined && seq < event.seq && !tables.linkHistory.has(seq))
          model.retract(userId(event.subject), seq);
        readTraits(model, tables.linkHistory.ownerAt(event.subject, event.seq), event.seq, tables);
        break;
      }
      case 'feedback.served.v1':
        model.serve({
          user: userId(event.subject),
          list: event.data.list,
          items: event.data.items.map(({ item }) => itemId(item)),
          time: countedTime(event),
          seq: event.seq,
        });
        break;
      case 'feedback.clicked.v1':
      case 'feedback.dismissed.v1': {
        const { item, list } = event.data;
        const reaction = { user: userId(event.subject), item: itemId(item), list, seq: event.seq };
        if (event.type === 'feedback.clicked.v1') model.click(reaction);
        else model.dismiss(reaction);
        break;
      }
      case 'control.erased.v1': {
        const user = forget(event.seq, event.data.hmac);
        if (user === undefined) break;
        const root = tables.linkHistory.ownerAt(user, event.seq);
        if (root !== user) readTraits(model, root, event.seq, tables);
        break;
      }
      case 'content.published.v1':
        model.publishItem(itemId(event.subject), event.data, countedTime(event));
        break;
      case 'content.updated.v1':
        model.updateItem(itemId(event.subject), event.data);
        break;
      case 'content.withdrawn.v1':
        model.withdrawItem(itemId(event.subject));
        break;
      case 'content.restored.v1':
        model.restoreItem(itemId(event.subject));
        break;
      default:
    }
  }
}

function readTraits(model: EventTarget, user: string, seq: number, tables: EngineTables): void {
  model.setTraits(userId(user), traitsAt(user, seq, tables));
}
