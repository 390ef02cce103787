/** The comparison as text. */
import { table } from '../../src/cli/output.ts';
import { type AgainstFigures, valueInWords } from './against.ts';
import type { ComparedFigure } from './summary.ts';
import { type Tree, titleOf } from './tree.ts';

export function textOf({ node, trees, rounds, rows }: AgainstFigures): string {
  const title = (tree: Omit<Tree, 'name'>): string => titleOf({ ...tree, name: 'new' });
  return [
    `ref: ${title(trees.ref)}, new: ${title(trees.new)}; medians of ${rounds} round${rounds === 1 ? '' : 's'}, Node ${node}`,
    'ratio: how many times better new is than ref, round by round (median, least to most); below 1 it is worse',
    ...rows.map(({ row, about, figures }) =>
      ['', `${row}: ${about}`, table(figures.map(lineOf), ['', 'unit', 'ref', 'new', 'ratio', 'spread'])].join('\n'),
    ),
  ].join('\n');
}

function lineOf({ name, unit, median, ratio, better }: ComparedFigure): string[] {
  const times = (value: number): string => (value >= 10 ? value.toFixed(1) : value.toFixed(2));
  const shown = better === 'same' ? null : ratio;
  return [
    name,
    unit,
    valueInWords(median.ref),
    valueInWords(median.new),
    shown ? times(shown.median) : '',
    shown ? `${times(shown.least)} to ${times(shown.most)}` : '',
  ];
}
