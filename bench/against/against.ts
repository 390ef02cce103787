/** Two trees by turns: each row in each of them, as often as there are rounds. */
import { existsSync } from 'node:fs';
import { UsageError } from '../../src/errors.ts';
import type { RowOptions } from './options.ts';
import type { Figure, Measurement, Row } from './row.ts';
import { type ComparedFigure, compare, type Round } from './summary.ts';
import { type Tree, titleOf } from './tree.ts';

export interface AgainstOptions {
  ref: Tree;
  new: Tree;
  rows: readonly Row[];
  rounds: number;
  options: RowOptions;
  /** Folder for files that all measurements share. */
  folder: string;
  say: (line: string) => void;
}

export interface AgainstFigures {
  node: string;
  trees: { ref: Omit<Tree, 'name'>; new: Omit<Tree, 'name'> };
  rounds: number;
  rows: { row: string; about: string; figures: ComparedFigure[] }[];
}

export async function runAgainst(given: AgainstOptions): Promise<AgainstFigures> {
  const { ref, new: fresh, rows, rounds, options, folder, say } = given;
  const onceInRun = createOnce();
  const found = new Map<string, Round[]>(rows.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    // The trees take turns at the first place, so that neither always runs on a machine that the other has warmed up.
    const order = round % 2 === 1 ? [ref, fresh] : [fresh, ref];
    const once = new Map(order.map((tree) => [tree, createOnce()]));
    for (const row of rows) {
      const figures = { ref: [] as Figure[], new: [] as Figure[] };
      for (const tree of order) {
        const where = `round ${round} of ${rounds}, ${row.name}, ${tree.name} (${titleOf(tree)})`;
        say(where);
        const measurement: Measurement = {
          tree,
          options,
          folder,
          say: (line) => say(`${where}: ${line}`),
          onceInRun,
          onceInRound: once.get(tree) as Measurement['onceInRound'],
        };
        figures[tree.name] = await row.measure(measurement);
        say(`${where}: ${figures[tree.name].map(inWords).join(', ')}`);
      }
      found.get(row.name)?.push(figures);
    }
  }
  return {
    node: process.version,
    trees: { ref: withoutName(ref), new: withoutName(fresh) },
    rounds,
    rows: rows.map(({ name, about }) => ({ row: name, about, figures: compare(found.get(name) ?? []) })),
  };
}

const withoutName = ({ name: _name, ...tree }: Tree): Omit<Tree, 'name'> => tree;

/** Throws `UsageError` if a row lacks its data, or if an option names data that does not exist. */
export function checkData(rows: readonly Row[], options: RowOptions): void {
  for (const { name, needs } of rows)
    for (const option of needs)
      if (options[option] === undefined)
        throw new UsageError(`The row ${name} measures your data, and --${option} names none.`, {
          next: `add --${option} PATH, or leave ${name} out of --rows`,
        });
  for (const option of ['inter', 'item', 'data'] as const) {
    const path = options[option];
    if (path !== undefined && !existsSync(path))
      throw new UsageError(`--${option} names ${path}, which does not exist.`, {
        next: `give the path of a file or folder that \`freshet import\` reads`,
      });
  }
}

/** Makes each value at the first request for its key. */
function createOnce(): Measurement['onceInRun'] {
  const made = new Map<string, Promise<unknown>>();
  return <T>(key: string, make: () => Promise<T>): Promise<T> => {
    const known = made.get(key) ?? make();
    made.set(key, known);
    return known as Promise<T>;
  };
}

/** `learning 3,700 events/s` */
export const inWords = ({ name, unit, value }: Figure): string =>
  `${name} ${valueInWords(value ?? null)} ${unit}`.trim();

/** Three significant digits, or all of a whole number above them. */
export function valueInWords(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–';
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : value.toLocaleString('en', { maximumSignificantDigits: 3 });
}
