/** References for the system's lists: random items, the most popular items, and the best possible list. */
import { createRandom } from '../../src/demo/random.ts';
import type { Simulation } from '../../src/demo/simulator.ts';

/** A list, as places in the simulation's catalogue; `open` holds the items that a policy may show to the reader. */
export type Policy = (open: readonly number[], n: number, chance: Float64Array) => number[];

export interface Popular {
  /** Learns that a reader took the item. */
  took(item: number): void;
  policy: Policy;
}

export function popularPolicy(items: number): Popular {
  const counts = new Float64Array(items);
  return {
    took: (item) => {
      counts[item] = (counts[item] as number) + 1;
    },
    policy: (open, n) => highest(open, n, counts),
  };
}

export function randomPolicy(seed: number): Policy {
  const random = createRandom(seed);
  return (open, n) => {
    const left = [...open];
    const drawn: number[] = [];
    while (drawn.length < n && left.length > 0) {
      const at = random.below(left.length);
      drawn.push(left[at] as number);
      left[at] = left[left.length - 1] as number;
      left.pop();
    }
    return drawn;
  };
}

/** Ranks by the probabilities from which the simulator draws: no policy can be better. */
export const bestPolicy: Policy = (open, n, chance) => highest(open, n, chance);

function highest(open: readonly number[], n: number, value: Float64Array): number[] {
  const of = (item: number): number => value[item] as number;
  return [...open].sort((a, b) => of(b) - of(a) || a - b).slice(0, n);
}

/** Probability of each item to be the next one, given that the next one is an open item. */
export function chancesOf(simulation: Simulation, reader: string, open: readonly number[]): Float64Array {
  const next = simulation.trueNext(reader);
  let total = 0;
  for (const item of open) total += next[item] as number;
  const chance = new Float64Array(next.length);
  if (total > 0) for (const item of open) chance[item] = (next[item] as number) / total;
  return chance;
}
