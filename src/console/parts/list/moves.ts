/** What changed from one list to the next. */
import type { Ranking } from '../../api/ranking.ts';

/** Places that an item has risen (negative: fallen), or `new`. Items that stayed are left out. */
export type Moves = ReadonlyMap<string, number | 'new'>;

export function movesBetween(before: readonly string[], after: readonly string[]): Moves {
  const places = new Map(before.map((item, place) => [item, place]));
  const moves = new Map<string, number | 'new'>();
  after.forEach((item, place) => {
    const old = places.get(item);
    if (old === undefined) moves.set(item, 'new');
    else if (old !== place) moves.set(item, old - place);
  });
  return moves;
}

export const itemsOf = (ranking: Ranking | undefined): string[] => ranking?.items.map(({ item }) => item) ?? [];

/** In words, for readers of a screen. */
export function changeInWords(moves: Moves, left: number, first: string): string {
  const fresh = [...moves.values()].filter((move) => move === 'new').length;
  const moved = moves.size - fresh;
  return `The list has changed: ${fresh} new, ${moved} moved, ${left} gone. First is ${first}.`;
}
