/** What a fold tells its model, as data, so that a model in another thread can be told the same. */
import type { Model } from '../../model/mod.ts';

/** Calls by which events change a model. */
const CALLS = [
  'interact',
  'retract',
  'link',
  'setTraits',
  'serve',
  'click',
  'dismiss',
  'publishItem',
  'updateItem',
  'withdrawItem',
  'restoreItem',
] as const;

type Call = (typeof CALLS)[number];

/** What an event may tell a model. */
export type EventTarget = Pick<Model, Call> & { clock: number };

/** A time that the model's clock has come to, and a call with its arguments; undefined: the time alone. */
export interface Command {
  clock: number;
  call: Call | undefined;
  arguments: readonly unknown[];
}

/** Writes down what events tell a model. No teller may read the answers of the calls. */
export function record(teller: (target: EventTarget) => void): Command[] {
  const commands: Command[] = [];
  let clock = Number.NEGATIVE_INFINITY;
  const target = {
    get clock() {
      return clock;
    },
    // The clock of a model never goes back.
    set clock(time: number) {
      clock = Math.max(clock, time);
    },
  } as EventTarget;
  for (const call of CALLS)
    Object.assign(target, {
      [call]: (...args: unknown[]) => void commands.push({ clock, call, arguments: args }),
    });
  teller(target);
  if (commands.at(-1)?.clock !== clock) commands.push({ clock, call: undefined, arguments: [] });
  return commands;
}

/** Tells a model what was written down. */
export function tell(model: EventTarget, commands: readonly Command[]): void {
  for (const { clock, call, arguments: args } of commands) {
    // The catalogue may come before any time.
    if (clock > Number.NEGATIVE_INFINITY) model.clock = clock;
    if (call !== undefined) (model[call] as (...args: readonly unknown[]) => unknown)(...args);
  }
}
