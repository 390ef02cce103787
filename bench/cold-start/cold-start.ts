/**
 * What somebody gets who has taken one item, and who gets an item that nobody has taken: with titles, which are read
 * from the data each time and never kept.
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
  /** Id of the item that the new user has taken; left out: the one taken most. */
  taken: string | undefined;
  /** Id of the item that is held back; left out: one that a good many took. */
  held: string | undefined;
  /** Items of a list. */
  n: number;
  /** Users that are asked about the item that was held back, of each kind. */
  users: number;
  seed: number;
  say: (line: string) => void;
}

export interface ColdStart {
  newUser: { taken: string; list: string[] };
  newItem: {
    item: string;
    /** Users who took it in truth, and how often it was left out of what was learned. */
    takenBy: number;
    similar: string[];
    /** Shares of users in whose first `depth` items it is: of those who took it in truth, and of others. */
    depth: number;
    amongTheirs: number;
    amongOthers: number;
    /** Users in whose lists it stands highest, and what they took last. */
    best: { rank: number; took: boolean; last: string[] }[];
  };
}

/** Share of the users by whom the item that is held back was taken, about. */
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

/** The item whose count is nearest to this, another one left aside. */
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

/** As many who took the item as who did not, drawn at random. */
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

/** Place of the item in each one's list, 0 where it isn't in it. */
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
