/** What a fault is: how it is put into a running system, how often, and what it may end in. */
import type { Random } from '../../src/bus/log/random.ts';
import type { FaultSystem, FaultSystemOptions } from './harness/system.ts';

export interface FaultRun {
  system: FaultSystem;
  random: Random;
  /** Which injection of this fault it is, from 0. */
  n: number;
  /** In the long form faults last as long as they are meant to. */
  long: boolean;
  /** Of so many events in the long form, how many in this one: a fifth of them in the short form. */
  sized(events: number): number;
  /** What was noticed or done on the way, for the table; said once however often. */
  note(text: string): void;
}

export interface Fault {
  /** Its name on the command line. */
  name: string;
  /** What happens, for the table. */
  what: string;
  /** How often it is injected; 0 leaves it out of the short form. */
  times: { short: number; long: number };
  /** No events but those of the fault itself. */
  quiet?: boolean;
  /** What it needs of a system: in the long form one of its own. Faults share a system in the short form, and without this. */
  system?: FaultSystemOptions;
  /** Why it can't be injected on this machine; undefined where it can. */
  impossible?: () => Promise<string | undefined>;
  /**
   * Injects it once and resolves when it is over: recovery is counted from then on, unless it gives a number: the
   * milliseconds that recovery took. Asserts what has to be seen while it lasts.
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
  /** What was not as it has to be; empty where all is well. */
  wrong: string[];
  /** Why it was not injected. */
  skipped?: string;
}
