/**
 * The list of a user with one item, and the users whose lists hold an item without events. It shows titles, which it reads
 * from the data each time and never stores.
 */
import { createCodec } from '../../src/bus/event/codec.ts';
import { createRandom } from '../../src/demo/random.ts';
import { UsageError } from '../../src/errors.ts';
import type { DataSet, Entry } from '../accuracy/data/data-set.ts';
import { readImported } from '../accuracy/data/imported.ts';
import { createEngine, type EngineRecommender } from '../accuracy/recommenders/engine.ts';

export interface ColdStartOptions {
  inter: string;
  item: string;
  /** Id of the item that the new user has taken; undefined: the most popular one. */
  taken: string | undefined;
  /** Id of the held-out item; undefined: one that about a fifth of the users took. */
  held: string | undefined;
  /** Items of a list. */
  n: number;
  /** Users to check for the held-out item, of each kind. */
  users: number;
  seed: number;
  say: (line: string) => void;
}

export interface ColdStart {
  newUser: { taken: string; list: string[] };
  newItem: {
    item: string;
    /** Number of events with the item in the data, which the engine did not learn. */
    takenBy: number;
    similar: string[];
    /** Shares of users with the item among their first `depth`: of those who took it in the data, and of the others. */
    depth: number;
    amongTheirs: number;
    amongOthers: number;
    /** Users with the item at the highest places, and the items that they took last. */
    best: { rank: number; took: boolean; last: string[] }[];
  };
}

/** Approximate share of the users who took the held-out item. */
const HELD_SHARE = 0.2;
const DEPTH = 100;
const BEST = 3;
const LAST = 3;

export async function showColdStart(options: ColdStartOptions): Promise<ColdStart> {
  const { inter, item, n, seed, say } = options;
  const data = await readImported([inter, item], createCodec({ declared: [] }), say);
  const counts = new Float64Array(data.items.length);
  for (const { interaction } of data.entries) if (interaction) counts[interaction.item]!++;
  const taken = find(data, options.taken) ?? counts.indexOf(Math.max(...counts));
  const held = find(data, options.held) ?? nearest(counts, data.users.length * HELD_SHARE, taken);
  const learned = data.entries.filter(({ interaction }) => interaction?.item !== held);
  const engine = createEngine(data, DEPTH);
  try {
    say(`learning ${learned.length} events; of one item only its publication`);
    await engine.learn(learned);
    const list = listOf(engine, 0, [taken]).slice(0, n);
    const ranks = placesOf(
      engine,
      held,
      usersOf(data.entries, held, data.users.length, options.users, createRandom(seed)),
    );
    const share = (took: boolean): number => {
      const own = ranks.filter((rank) => rank.took === took);
      return own.filter(({ rank }) => rank > 0).length / Math.max(own.length, 1);
    };
    const title = (number: number): string => titleOf(data, number);
    const last = lastOf(learned);
    return {
      newUser: { taken: title(taken), list: list.map(title) },
      newItem: {
        item: title(held),
        takenBy: counts[held]!,
        similar: engine.similar(held, n).map(title),
        depth: DEPTH,
        amongTheirs: share(true),
        amongOthers: share(false),
        best: ranks
          .filter(({ rank }) => rank > 0)
          .sort((a, b) => a.rank - b.rank)
          .slice(0, BEST)
          .map(({ user, rank, took }) => ({ rank, took, last: (last[user] ?? []).map(title) })),
      },
    };
  } finally {
    await engine.close?.();
  }
}

function find(data: DataSet, id: string | undefined): number | undefined {
  if (id === undefined) return undefined;
  const number = data.items.indexOf(id);
  if (number < 0)
    throw new UsageError(`The data hold no item "${id}".`, { next: 'give an id as it stands in the file of items' });
  return number;
}

/** The item with the nearest count, except for the item `but`. */
function nearest(counts: Float64Array, count: number, but: number): number {
  let best = but === 0 ? 1 : 0;
  for (let item = 0; item < counts.length; item++)
    if (item !== but && Math.abs(counts[item]! - count) < Math.abs(counts[best]! - count)) best = item;
  return best;
}

function titleOf({ items, fields }: DataSet, number: number): string {
  const known = fields[number];
  if (known === undefined) return items[number] ?? '';
  const year = known.published?.slice(0, 4);
  return `${known.title}${year === undefined ? '' : ` (${year})`}: ${(known.tags ?? []).join(', ')}`;
}

function listOf(engine: EngineRecommender, user: number, history: readonly number[] | undefined): readonly number[] {
  const answer = engine.rank({ user, history, among: undefined });
  if (!('items' in answer)) throw new Error('the engine answers with lists');
  return answer.items;
}

interface Asked {
  user: number;
  took: boolean;
}

/** Random users: up to `most` who took the item, and up to `most` who did not. */
function usersOf(
  entries: readonly Entry[],
  item: number,
  users: number,
  most: number,
  random: ReturnType<typeof createRandom>,
): Asked[] {
  const took = new Set<number>();
  for (const { interaction } of entries) if (interaction?.item === item) took.add(interaction.user);
  const all = Array.from({ length: users }, (_, user) => ({ user, took: took.has(user), at: random.next() }));
  all.sort((a, b) => a.at - b.at);
  return [true, false].flatMap((which) => all.filter((user) => user.took === which).slice(0, most));
}

/** Place of the item in the list of each user; 0: not in the list. */
function placesOf(engine: EngineRecommender, item: number, asked: readonly Asked[]): (Asked & { rank: number })[] {
  return asked.map(({ user, took }) => ({ user, took, rank: listOf(engine, user, undefined).indexOf(item) + 1 }));
}

/** The newest few items of each user, newest first. */
function lastOf(entries: readonly Entry[]): number[][] {
  const last: number[][] = [];
  for (const { interaction } of entries) {
    if (!interaction) continue;
    const own = last[interaction.user] ?? [];
    last[interaction.user] = [interaction.item, ...own].slice(0, LAST);
  }
  return last;
}
