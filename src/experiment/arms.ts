/** Arms of an experiment, and whose is which: a function of the ids alone, the same in every service and every replay. */
import { hash53 } from '../bus/event/canonical.ts';

export interface Arm {
  arm: string;
  /** Share of the users, 0 to 1. */
  share: number;
  /** What it changes: JSON of members of a request; empty for nothing. */
  config: string;
}

export interface Experiment {
  experiment: string;
  arms: Arm[];
  /** Position and time (milliseconds) at which it started. */
  seq: number;
  started: number;
  /** Where it ended; null while it runs. */
  endedSeq: number | null;
  ended: number | null;
  reason: string | null;
}

/** What lists that are in no experiment are put down to. */
export const MAIN = 'main';

/** Names that go into an arm's label, and so into the log. */
export const EXPERIMENT_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

const HASHES = 2 ** 53;

/**
 * A user's arm; undefined for those that the shares leave out. The id of the experiment goes into the hash, so that who
 * shares an arm in one does not in the next.
 */
export function armOf(user: string, { experiment, arms }: Pick<Experiment, 'experiment' | 'arms'>): Arm | undefined {
  let left = hash53(`${experiment}\n${user}`) / HASHES;
  for (const arm of arms) {
    if (left < arm.share) return arm;
    left -= arm.share;
  }
  return undefined;
}

/** What served lists are put down to. */
export const labelOf = (experiment: string, arm: string): string => `${experiment}/${arm}`;
