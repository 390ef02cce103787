/** Arms of an experiment. The arm of a user depends only on the ids, so that all services and replays agree. */
import { hash53 } from '../bus/event/canonical.ts';

export interface Arm {
  arm: string;
  /** Share of the users, 0 to 1. */
  share: number;
  /** The members of a request that the arm changes, as JSON. Empty if it changes none. */
  config: string;
}

export interface Experiment {
  experiment: string;
  arms: Arm[];
  /** Sequence and counted time (milliseconds since 1970) of the start. */
  seq: number;
  started: number;
  /** Sequence of the end; null while the experiment runs. */
  endedSeq: number | null;
  ended: number | null;
  reason: string | null;
}

/** Arm of lists outside of any experiment. */
export const MAIN = 'main';

/** Valid names of experiments and arms. They go into labels and so into the log. */
export const EXPERIMENT_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

const HASHES = 2 ** 53;

/**
 * The arm of a user. Undefined if the shares add up to less than one and leave the user out. The hash includes the id of
 * the experiment, so that two users with the same arm in one experiment may have different arms in the next.
 */
export function armOf(user: string, { experiment, arms }: Pick<Experiment, 'experiment' | 'arms'>): Arm | undefined {
  let left = hash53(`${experiment}\n${user}`) / HASHES;
  for (const arm of arms) {
    if (left < arm.share) return arm;
    left -= arm.share;
  }
  return undefined;
}

/** The label of an arm in impressions. */
export const labelOf = (experiment: string, arm: string): string => `${experiment}/${arm}`;
