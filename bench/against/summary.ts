/** The figures of all rounds as medians, and the ratios of the two trees with their spread. */
import type { Figure } from './row.ts';

/** The figures of one row in one round, by tree. */
export interface Round {
  ref: readonly Figure[];
  new: readonly Figure[];
}

export interface ComparedFigure {
  name: string;
  unit: string;
  better: Figure['better'];
  /** Values of all rounds. */
  ref: (number | null)[];
  new: (number | null)[];
  median: { ref: number | null; new: number | null };
  /**
   * How many times better the new tree is: new divided by ref, or ref divided by new where less is better. Each round
   * gives one ratio. Null if a value is missing or 0.
   */
  ratio: { median: number; least: number; most: number } | null;
}

export function compare(rounds: readonly Round[]): ComparedFigure[] {
  const names: Figure[] = [];
  for (const round of rounds)
    for (const figure of [...round.new, ...round.ref])
      if (!names.some(({ name }) => name === figure.name)) names.push(figure);
  return names.map(({ name, unit, better }) => {
    const valuesOf = (tree: keyof Round): (number | null)[] =>
      rounds.map((round) => finite(round[tree].find((figure) => figure.name === name)?.value));
    const [ref, fresh] = [valuesOf('ref'), valuesOf('new')];
    const ratios = rounds.flatMap((_, round) => {
      const [before, now] = [ref[round], fresh[round]];
      if (!before || !now) return [];
      return [better === 'less' ? before / now : now / before];
    });
    return {
      name,
      unit,
      better,
      ref,
      new: fresh,
      median: { ref: median(ref), new: median(fresh) },
      ratio:
        ratios.length === 0
          ? null
          : { median: median(ratios) as number, least: Math.min(...ratios), most: Math.max(...ratios) },
    };
  });
}

const finite = (value: number | undefined): number | null =>
  value === undefined || !Number.isFinite(value) ? null : value;

/** The middle one of the values, or the mean of the middle two; null without values. */
export function median(values: readonly (number | null)[]): number | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}
