/** Stops protocols at their steps, one stop after the other, and counts what is lost, doubled and stuck. */
import { messageOf } from '../../src/errors.ts';
import { removeTempDir } from '../support/tempdir.ts';
import { nothing } from './audit.ts';
import { PROTOCOLS, prepare } from './protocols.ts';
import { openWorld } from './world.ts';

export interface Totals {
  stops: number;
  lost: number;
  doubled: number;
  stuck: number;
}

export interface StopsOptions {
  /** Only the steps of the short form. */
  short?: boolean;
  /** Only protocols and steps whose name holds one of these; empty: all. */
  only?: readonly string[];
  say?: (line: string) => void;
}

/** The totals of all stops, and a line for each thing that is wrong. */
export async function stopAtSteps({ short = false, only = [], say = () => {} }: StopsOptions = {}): Promise<{
  totals: Totals;
  wrong: string[];
}> {
  const prepared = await prepare();
  const totals: Totals = { stops: 0, lost: 0, doubled: 0, stuck: 0 };
  const wrong: string[] = [];
  try {
    for (const { name, steps, short: few, stopAt } of PROTOCOLS)
      for (const step of short ? few : steps) {
        if (only.length > 0 && !only.some((part) => name.includes(part) || step.includes(part))) continue;
        const began = performance.now();
        const found = nothing();
        const world = await openWorld(prepared);
        try {
          await stopAt(step, world, found);
        } catch (err) {
          found.stuck.push(messageOf(err) + (err instanceof Error && err.cause ? `: ${messageOf(err.cause)}` : ''));
        } finally {
          await world.close();
        }
        totals.stops++;
        for (const kind of ['lost', 'doubled', 'stuck'] as const) {
          totals[kind] += found[kind].length;
          for (const what of found[kind]) wrong.push(`${name}, stopped at ${step}: ${kind}: ${what}`);
        }
        const fine = found.lost.length + found.doubled.length + found.stuck.length === 0;
        say(`${name}, ${step}: ${fine ? 'fine' : 'WRONG'}, ${((performance.now() - began) / 1_000).toFixed(1)} s`);
      }
  } finally {
    removeTempDir(prepared);
  }
  return { totals, wrong };
}
