/** Runs faults one after the other: inject, recover, and at the end of each compare with what was acknowledged. */
import { createRandom } from '../../src/bus/log/random.ts';
import { messageOf } from '../../src/errors.ts';
import type { Fault, FaultResult } from './fault.ts';
import { type FaultSystem, startFaultSystem } from './harness/system.ts';

export interface RunnerOptions {
  long: boolean;
  seed: number;
  say?: (line: string) => void;
}

export interface FaultRunner {
  run(fault: Fault): Promise<FaultResult>;
  /**
   * What speaks against hash(live) = hash(rebuilt) in the system that faults share. In the long form it is looked at
   * after each fault, in the short form only here, behind all of them.
   */
  verified(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Events a second while faults are injected. */
export const LOAD_PER_S = 400;

/** Events after which the faults that share a system get another one: each of them folds the whole log again. */
const RENEWED_AFTER = 30_000;

export function createFaultRunner({ long, seed, say = () => {} }: RunnerOptions): FaultRunner {
  let shared: FaultSystem | undefined;

  async function inject(fault: Fault, system: FaultSystem, result: FaultResult): Promise<void> {
    const random = createRandom(seed);
    const before = system.load.acknowledged.size;
    if (!fault.quiet) system.load.begin(LOAD_PER_S);
    const times = long ? fault.times.long : fault.times.short;
    for (let n = 0; n < times; n++) {
      const took = await fault.inject({
        system,
        random,
        n,
        long,
        note: (text) => void (result.notes.includes(text) || result.notes.push(text)),
      });
      const over = performance.now();
      await system.recovered();
      result.recovery.push(typeof took === 'number' ? took : performance.now() - over);
      result.injected++;
      say(`${fault.name} ${n + 1}/${times}: recovered after ${Math.round(result.recovery.at(-1) as number)} ms`);
    }
    const checked = await system.compared();
    if (long || fault.system) result.wrong.push(...(await system.verified()));
    result.acknowledged = checked.acknowledged - (fault.system ? 0 : before);
    result.lost = checked.lost;
    result.doubled = checked.doubled;
    result.wrong.push(...checked.wrong);
  }

  return {
    run: async (fault) => {
      const { name, what } = fault;
      const result: FaultResult = {
        name,
        what,
        injected: 0,
        acknowledged: 0,
        lost: 0,
        doubled: 0,
        recovery: [],
        notes: [],
        wrong: [],
      };
      const skipped = await fault.impossible?.();
      if (skipped !== undefined) return { ...result, skipped };
      let system: FaultSystem | undefined;
      try {
        if (fault.system) system = await startFaultSystem(fault.system, seed);
        else {
          if ((shared?.load.acknowledged.size ?? 0) > RENEWED_AFTER) {
            await shared?.stop();
            shared = undefined;
          }
          shared ??= await startFaultSystem({}, seed);
          system = shared;
        }
        await inject(fault, system, result);
      } catch (err) {
        const cause = err instanceof Error && err.cause ? `: ${messageOf(err.cause)}` : '';
        result.wrong.push(`${messageOf(err)}${cause}`);
        // What comes after it is not to suffer for it.
        if (system && system === shared) {
          shared = undefined;
          await system.stop().catch(() => {});
        }
      } finally {
        if (system && fault.system) await system.stop().catch((err: unknown) => result.wrong.push(messageOf(err)));
      }
      return result;
    },
    verified: async () => (await shared?.verified()) ?? [],
    stop: async () => {
      await shared?.stop();
      shared = undefined;
    },
  };
}
