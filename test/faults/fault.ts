/** What a fault is: how the test injects it into a running system, how often, and with which results. */
import type { Random } from '../../src/bus/log/random.ts';
import type { FaultSystem, FaultSystemOptions } from './harness/system.ts';

export interface FaultRun {
  system: FaultSystem;
  random: Random;
  /** Number of this injection of the fault, from 0. */
  n: number;
  /** Whether this is the long form, in which faults last for their full time. */
  long: boolean;
  /** Scales a number of events of the long form to this form: the short form has a fifth of them. */
  sized(events: number): number;
  /** Adds a note to the row of the fault in the table. The table shows equal notes once. */
  note(text: string): void;
}

export interface Fault {
  /** Its name on the command line. */
  name: string;
  /** What happens, for the table. */
  what: string;
  /** How often the test injects it; 0 leaves it out of the short form. */
  times: { short: number; long: number };
  /** No events but those of the fault itself. */
  quiet?: boolean;
  /** System that the fault needs: one of its own in the long form. Faults share a system in the short form, and without this. */
  system?: FaultSystemOptions;
  /** Why the test cannot inject it on this machine; undefined if it can. */
  impossible?: () => Promise<string | undefined>;
  /**
   * Injects it once and resolves when it is over: the runner measures recovery from then on. If it resolves with a
   * number, that is the recovery in milliseconds. Asserts what must be true while the fault lasts.
   */
  inject(run: FaultRun): Promise<unknown>;
}

export interface FaultResult {
  name: string;
  what: string;
  injected: number;
  acknowledged: number;
  lost: number;
  doubled: number;
  /** Milliseconds from the end of each injection until every service had folded an event published after it. */
  recovery: number[];
  notes: string[];
  /** Failed checks; empty if all checks passed. */
  wrong: string[];
  /** Why the test did not inject it. */
  skipped?: string;
}
