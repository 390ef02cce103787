/** Runs faults one after the other: injects a fault, waits for recovery, and compares with the acknowledged events. */
import { createRandom } from '../../src/bus/log/random.ts';
import { messageOf } from '../../src/errors.ts';
import type { Fault, FaultResult } from './fault.ts';
import { noSmallDisk } from './harness/disk.ts';
import { type FaultSystem, type FaultSystemOptions, startFaultSystem } from './harness/system.ts';
import { SLICES } from './kinds/erasure-killed.ts';

export interface RunnerOptions {
  long: boolean;
  seed: number;
  say?: (line: string) => void;
}

export interface FaultRunner {
  run(fault: Fault): Promise<FaultResult>;
  /**
   * Differences between hash(live) and hash(rebuilt) in the system that faults share. The long form compares after each
   * fault, the short form only here, after all of them.
   */
  verified(): Promise<string[]>;
  /** The system that faults share. */
  shared(): Promise<FaultSystem>;
  stop(): Promise<void>;
}

/** Events a second while the test injects faults. */
const LOAD_PER_S = { long: 400, short: 40 };
/** The short form has one event for this many of the long form. */
const SMALLER = 5;

/** Events after which the faults that share a system get a new one: the check after each fault folds the whole log again. */
const RENEWED_AFTER = 30_000;

/** Options of the system that the faults of the short form share. */
async function allInOne(): Promise<FaultSystemOptions> {
  const disk = (await noSmallDisk()) === undefined ? { under: 'projections' as const, megabytes: 256 } : undefined;
  return {
    proxied: true,
    passwords: true,
    env: { ...SLICES, FRESHET_ENGINE_SNAPSHOT_INTERVAL_MS: '1000', FRESHET_ENGINE_SNAPSHOT_EVENTS: '300' },
    ...(disk && { disk }),
  };
}

export function createFaultRunner({ long, seed, say = () => {} }: RunnerOptions): FaultRunner {
  let shared: FaultSystem | undefined;
  const ownOf = (fault: Fault): FaultSystemOptions | undefined => (long ? fault.system : undefined);
  const share = async (): Promise<FaultSystem> => {
    shared ??= await startFaultSystem(long ? {} : await allInOne(), seed);
    return shared;
  };

  async function inject(fault: Fault, system: FaultSystem, result: FaultResult): Promise<void> {
    const random = createRandom(seed);
    const before = system.load.acknowledged.size;
    if (!fault.quiet) system.load.begin(long ? LOAD_PER_S.long : LOAD_PER_S.short);
    const times = long ? fault.times.long : fault.times.short;
    for (let n = 0; n < times; n++) {
      const took = await fault.inject({
        system,
        random,
        n,
        long,
        sized: (events) => (long ? events : Math.ceil(events / SMALLER)),
        note: (text) => void (result.notes.includes(text) || result.notes.push(text)),
      });
      const over = performance.now();
      await system.recovered();
      result.recovery.push(typeof took === 'number' ? took : performance.now() - over);
      result.injected++;
      say(`${fault.name} ${n + 1}/${times}: recovered after ${Math.round(result.recovery.at(-1) as number)} ms`);
    }
    const checked = await system.compared();
    if (long) result.wrong.push(...(await system.verified()));
    result.acknowledged = checked.acknowledged - (ownOf(fault) ? 0 : before);
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
      const own = ownOf(fault);
      let system: FaultSystem | undefined;
      try {
        if (own) system = await startFaultSystem(own, seed);
        else {
          if ((shared?.load.acknowledged.size ?? 0) > RENEWED_AFTER) {
            await shared?.stop();
            shared = undefined;
          }
          system = await share();
        }
        await inject(fault, system, result);
      } catch (err) {
        const cause = err instanceof Error && err.cause ? `: ${messageOf(err.cause)}` : '';
        result.wrong.push(`${messageOf(err)}${cause}`);
        // A failed fault must not affect the faults after it.
        if (system && system === shared) {
          shared = undefined;
          await system.stop().catch(() => {});
        }
      } finally {
        if (system && own) await system.stop().catch((err: unknown) => result.wrong.push(messageOf(err)));
      }
      return result;
    },
    verified: async () => (await shared?.verified()) ?? [],
    shared: share,
    stop: async () => {
      await shared?.stop();
      shared = undefined;
    },
  };
}
