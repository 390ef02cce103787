/**
 * What happens after a commit. The rows and the checkpoint are safe by then, so nothing here can fail the commit. There
 * are two kinds of follower. The *state follower* holds state in memory that answers beside the rows: if it fails, it no
 * longer follows the log, and the projection is not ready until another one has folded the log again. *Effects* act on what
 * has changed (lists, publishing, copies): each is isolated from the others, counted, and derived again from the rows
 * after it has failed. While the rows are behind a state that began ahead of them, nobody gets an answer, so effects wait,
 * and are derived once the rows are there.
 */
import type { Logger } from 'pino';
import { messageOf, StateFollowerFailedError } from '../../errors.ts';
import type { LoggedEvent } from '../event/codec.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import type { Traces } from './fold-spans.ts';
import type { Fingerprint, ProjectionStore } from './store.ts';

/** The events of a commit, or of a part of a catch-up. */
export interface CommittedBatch {
  /** Events that changed the rows, in log order. */
  events: readonly LoggedEvent[];
  /** Position of the state after the batch. */
  seq: StreamSeq;
  /** Number of messages of the batch that the service moved to the dead letters. */
  deadLetters: number;
  /** True if the rows held these events before, and only the state follower had yet to fold them. */
  catchUp: boolean;
  /** Traces of the events, by their positions; left out: traces are off. */
  traces?: Traces;
}

/** State in memory that is a fold of the log beside the rows, and may be behind or ahead of them when a process starts. */
export interface StateFollower {
  /** Position up to which it has folded the log. */
  position(): StreamSeq;
  /**
   * Folds events that the rows hold, in log order. Its position is `seq` afterwards, unless it began ahead; `newest` is
   * the last message of the batch. An exception ends its life, because it may have folded a part of the batch.
   */
  fold(events: readonly LoggedEvent[], seq: StreamSeq, newest: Fingerprint | undefined): void;
  /** Whether an erasure is under way in it. Left out: it forgets a user within `fold`. */
  erasing?(): boolean;
  /** The next slice of its erasures. An exception ends its life as well. */
  eraseSlice?(): void;
}

/** Acts on committed events. */
export interface Effect {
  /** Name in the status, in metrics and in logs. */
  readonly name: string;
  /** Acts on a batch. A failure is counted, and leads to {@link derive}. */
  afterCommit(batch: CommittedBatch): void | Promise<void>;
  /**
   * Does from the rows what the batches after a position require. The service calls it before the next batch after a
   * failure, and when the projection starts (position 0: all rows).
   */
  derive(since: StreamSeq): void | Promise<void>;
}

/** The followers of a projection, as they are at the moment of a commit. */
export interface Followers {
  readonly state?: StateFollower | undefined;
  readonly effects?: readonly Effect[];
}

/** An effect that has failed since the process started, as the status shows it. */
export interface EffectStatus {
  name: string;
  /** How often it has failed. */
  failed: number;
  /** Position after which the service must derive it again; null: it has caught up. */
  pending_since: number | null;
  /** Why it failed last. */
  reason: string;
}

export interface AfterCommitOptions {
  service: string;
  followers: Followers;
  logger: Logger;
  /** An effect has failed. */
  onEffectFailed?: ((effect: string) => void) | undefined;
}

export interface AfterCommit {
  /** Hands a batch to the followers. Never throws. */
  run(batch: CommittedBatch, newest?: Fingerprint): void;
  /** Derives all effects from the rows, as at a start. */
  start(): void;
  /** Derives failed effects again. */
  retry(): void;
  /** Runs the next slice of the state's erasures. Never throws. */
  eraseSlice(): void;
  /** Why the state follower no longer follows the log; undefined: it follows. */
  stateFailure(): StateFollowerFailedError | undefined;
  /** Effects that have failed since the process started. */
  status(): EffectStatus[];
}

export function createAfterCommit({ service, followers, logger, onEffectFailed }: AfterCommitOptions): AfterCommit {
  let stateFailure: StateFollowerFailedError | undefined;
  const failures = new Map<string, { failed: number; since: StreamSeq | undefined; reason: string }>();

  function failed(effect: Effect, since: StreamSeq, err: unknown): void {
    const before = failures.get(effect.name);
    failures.set(effect.name, {
      failed: (before?.failed ?? 0) + 1,
      since: before?.since === undefined ? since : streamSeq(Math.min(before.since, since)),
      reason: messageOf(err),
    });
    onEffectFailed?.(effect.name);
    logger.error(
      { err, service, effect: effect.name, since },
      'an effect of a commit failed; the service derives it again from the rows',
    );
  }

  /** Runs a step of an effect; `since` is the position after which it is derived again if the step fails. */
  function attempt(effect: Effect, since: StreamSeq, step: () => void | Promise<void>): void {
    try {
      const done = step();
      if (done) done.catch((err: unknown) => failed(effect, since, err));
    } catch (err) {
      failed(effect, since, err);
    }
  }

  function derive(effect: Effect, since: StreamSeq): void {
    const before = failures.get(effect.name);
    if (before) before.since = undefined;
    attempt(effect, since, () => effect.derive(since));
  }

  function fold({ events, seq }: CommittedBatch, newest: Fingerprint | undefined): boolean {
    const { state } = followers;
    return !state || attemptState(state, seq, () => state.fold(events, seq, newest));
  }

  /** Runs a step of the state follower; false: its life has ended. */
  function attemptState(state: StateFollower, seq: StreamSeq, step: () => void): boolean {
    try {
      step();
      return true;
    } catch (cause) {
      stateFailure = new StateFollowerFailedError(
        `The state of ${service} in memory could not follow the log from sequence ${state.position()} to ${seq}: ${messageOf(cause)}.`,
        {
          next: 'freshet status; the service builds the state again from a snapshot and the log by itself',
          details: { at: state.position(), to: seq },
          cause,
        },
      );
      return false;
    }
  }

  let at: StreamSeq | undefined;
  /** Whether effects wait until the rows have reached the state, which began ahead of them. */
  let waiting = false;
  const start = (): void => {
    for (const effect of followers.effects ?? []) derive(effect, streamSeq(0));
  };
  return {
    run: (batch, newest) => {
      if (stateFailure) return;
      const since = at ?? streamSeq(Math.max(0, (batch.events[0]?.seq ?? batch.seq) - 1));
      at = batch.seq;
      if (!fold(batch, newest)) return;
      const waited = waiting;
      waiting = (followers.state?.position() ?? 0) > batch.seq;
      if (waiting) return;
      if (waited) {
        start();
        return;
      }
      for (const effect of followers.effects ?? []) {
        const pending = failures.get(effect.name)?.since;
        // The rows hold this batch as well.
        if (pending !== undefined) derive(effect, pending);
        else attempt(effect, since, () => effect.afterCommit(batch));
      }
    },
    start,
    retry: () => {
      for (const effect of followers.effects ?? []) {
        const pending = failures.get(effect.name)?.since;
        if (pending !== undefined) derive(effect, pending);
      }
    },
    eraseSlice: () => {
      const { state } = followers;
      if (state?.eraseSlice && !stateFailure) attemptState(state, state.position(), () => state.eraseSlice?.());
    },
    stateFailure: () => stateFailure,
    status: () =>
      [...failures].map(([name, { failed: times, since, reason }]) => ({
        name,
        failed: times,
        pending_since: since ?? null,
        reason,
      })),
  };
}

/** A store whose commits a state follower follows at once, for callers that fold without a loop. */
export function withState(
  store: ProjectionStore,
  state: () => Pick<StateFollower, 'fold'> | undefined,
): ProjectionStore {
  return {
    ...store,
    commit: (batch, created) => {
      const result = store.commit(batch, created);
      state()?.fold(result.applied, store.checkpoint().seq, undefined);
      return result;
    },
  };
}
