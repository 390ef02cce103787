/**
 * A simulated population with known preferences, from an empty log on. It compares the system's lists with random lists,
 * lists of the most popular items, and the best possible list for each reader.
 */
import type { CloudEvent } from '../../src/bus/event/types.ts';
import { mix32 } from '../../src/demo/random.ts';
import { createSimulation } from '../../src/demo/simulator.ts';
import { createFold } from './fold.ts';
import { bestPolicy, chancesOf, type Policy, popularPolicy, randomPolicy } from './policies.ts';

export const POLICIES = ['best', 'system', 'popular', 'random'] as const;
export type PolicyName = (typeof POLICIES)[number];

export interface LearningCurveOptions {
  seeds: readonly number[];
  /** Interactions of each run. */
  events: number;
  readers: number;
  /** Items of a list. */
  n: number;
  /** One interaction in this many is followed by a list. */
  every: number;
  /** Points of the curve, in a geometric series of interactions. */
  points: number;
  /** Interactions at the first point. */
  first: number;
  say: (line: string) => void;
}

/** A stretch of the log. */
export interface Point {
  /** Interactions at its end. */
  events: number;
  /** Number of shown lists in it, in all runs. */
  lists: number;
  /** Probability that the reader's next item is on the list: the limit of the click-through rate of lists. */
  expected: Record<PolicyName, number>;
  /** Standard error over lists of the difference between the system and the popular items. */
  error: number;
  /** Share of the system's lists that held the reader's next item, among lists after which the reader took an item. */
  clicked: number;
}

export interface LearningCurve {
  items: number;
  readers: number;
  n: number;
  runs: number;
  points: Point[];
}

interface Shown {
  list: string;
  items: readonly string[];
  point: number;
}

interface Sum {
  lists: number;
  expected: Record<PolicyName, number>;
  /** Sums of the difference of system and popular, and of its square. */
  ahead: number;
  aheadSquared: number;
  followed: number;
  clicked: number;
}

/** End of the simulated time: the result does not depend on the time of the run. */
const END = Date.UTC(2026, 0, 1);

export async function runLearningCurve(options: LearningCurveOptions): Promise<LearningCurve> {
  const { seeds, events, readers, n, say } = options;
  const ends = endsOf(options);
  const sums: Sum[] = ends.map(() => ({
    lists: 0,
    expected: { best: 0, system: 0, popular: 0, random: 0 },
    ahead: 0,
    aheadSquared: 0,
    followed: 0,
    clicked: 0,
  }));
  let items = 0;
  for (const [run, seed] of seeds.entries()) {
    say(`run ${run + 1} of ${seeds.length}, seed ${seed}: ${events.toLocaleString('en')} interactions`);
    items = await follow(seed, options, sums);
  }
  return {
    items,
    readers,
    n,
    runs: seeds.length,
    points: sums.map((sum, at) => {
      const mean = sum.ahead / sum.lists;
      const per = (name: PolicyName): number => sum.expected[name] / sum.lists;
      return {
        events: ends[at] as number,
        lists: sum.lists,
        expected: { best: per('best'), system: per('system'), popular: per('popular'), random: per('random') },
        error: Math.sqrt(Math.max(0, sum.aheadSquared / sum.lists - mean ** 2) / sum.lists),
        clicked: sum.followed === 0 ? 0 : sum.clicked / sum.followed,
      };
    }),
  };
}

/** Interactions at which stretches end: a geometric series. */
function endsOf({ events, first, points }: Pick<LearningCurveOptions, 'events' | 'first' | 'points'>): number[] {
  const from = Math.min(first, events);
  return Array.from({ length: points }, (_, i) => Math.round(from * (events / from) ** (i / (points - 1))));
}

/** One run; returns the number of items in its catalogue. */
async function follow(seed: number, options: LearningCurveOptions, sums: Sum[]): Promise<number> {
  const { events, readers, n, every, say } = options;
  const ends = endsOf(options);
  const simulation = createSimulation({ seed, end: END, readers, events });
  const fold = createFold();
  const popular = popularPolicy(simulation.books.length);
  const beside: Record<Exclude<PolicyName, 'system'>, Policy> = {
    best: bestPolicy,
    popular: popular.policy,
    random: randomPolicy(seed),
  };
  const published: number[] = [];
  const seen = new Map<string, Set<number>>();
  const shown = new Map<string, Shown>();
  let taken = 0;
  let point = 0;
  let asked = 0;
  let feedback = 0;

  const report = (type: 'feedback.served.v1' | 'feedback.clicked.v1', like: CloudEvent, data: object): Promise<void> =>
    fold.append({
      ...like,
      id: `${seed}-${++feedback}`,
      source: 'freshet-bench',
      type,
      data,
    } as CloudEvent);

  async function show(event: CloudEvent, point: number): Promise<void> {
    const reader = event.subject;
    const known = seen.get(reader) ?? new Set();
    const open = published.filter((item) => !known.has(item));
    const chance = chancesOf(simulation, reader, open);
    const answer = await fold.list(reader, n);
    const worth = (list: readonly number[]): number => list.reduce((sum, item) => sum + (chance[item] as number), 0);
    const sum = sums[point] as Sum;
    const got = worth(answer.items.map(({ item }) => simulation.indexOf(item)));
    const others = { best: 0, popular: 0, random: 0 };
    for (const name of ['best', 'popular', 'random'] as const) others[name] = worth(beside[name](open, n, chance));
    sum.lists++;
    sum.expected.system += got;
    for (const name of ['best', 'popular', 'random'] as const) sum.expected[name] += others[name];
    sum.ahead += got - others.popular;
    sum.aheadSquared += (got - others.popular) ** 2;
    asked++;
    const { list, snapshot, config } = answer;
    shown.set(reader, { list, items: answer.items.map(({ item }) => item), point });
    await report('feedback.served.v1', event, { list, items: answer.items, snapshot, config, arm: 'main' });
  }

  /** The reader clicked the list if the reader's next item is on it. */
  async function react(event: CloudEvent, item: string): Promise<void> {
    const last = shown.get(event.subject);
    if (!last) return;
    shown.delete(event.subject);
    const sum = sums[last.point] as Sum;
    sum.followed++;
    if (!last.items.includes(item)) return;
    sum.clicked++;
    await report('feedback.clicked.v1', event, { item, list: last.list });
  }

  try {
    for (const event of simulation.events()) {
      if (event.type === 'content.published.v1') published.push(simulation.indexOf(event.subject));
      const item = event.type === 'user.viewed.v1' ? event.data.item : undefined;
      if (item !== undefined) await react(event, item);
      await fold.append(event);
      if (!event.type.startsWith('user.') || event.type === 'user.registered.v1') continue;
      taken++;
      while (taken > (ends[point] as number)) point++;
      if (taken % Math.ceil(events / 10) === 0) say(`  ${taken.toLocaleString('en')} interactions, ${asked} lists`);
      if (item === undefined) continue;
      const number = simulation.indexOf(item);
      const known = seen.get(event.subject) ?? new Set();
      seen.set(event.subject, known.add(number));
      popular.took(number);
      if (mix32(seed, taken) % every === 0) await show(event, point);
    }
  } finally {
    await fold.close();
  }
  return simulation.books.length - simulation.reserve;
}
