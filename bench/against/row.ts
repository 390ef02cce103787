/** A row of the comparison: what it measures in a tree, and how a figure reads. */
import type { RowOptions } from './options.ts';
import type { Tree } from './tree.ts';

export interface Figure {
  name: string;
  /** `events/s`, `s`, `ms`, ...; empty: a number without unit. */
  unit: string;
  /** Undefined: this tree does not tell it. */
  value: number | undefined;
  /** Which value is better; `same`: neither, the figure describes what was measured. */
  better: 'more' | 'less' | 'same';
}

/** One measurement of a row: in one tree, in one round. */
export interface Measurement {
  tree: Tree;
  options: RowOptions;
  /** Folder of the run, for files that all measurements share. */
  folder: string;
  /** Says a step of the measurement. */
  say: (line: string) => void;
  /** Makes a value once in the whole run, such as a file of events. */
  onceInRun<T>(key: string, make: () => Promise<T>): Promise<T>;
  /** Makes a value once in this tree and round, if several rows read it. */
  onceInRound<T>(key: string, make: () => Promise<T>): Promise<T>;
}

export interface Row {
  name: string;
  /** What it measures, in a few words. */
  about: string;
  /** Options that name the data of the row, and without which it cannot run. */
  needs: readonly ('inter' | 'data')[];
  measure(measurement: Measurement): Promise<Figure[]>;
}

export const more = (name: string, unit: string, value: number | undefined): Figure => ({
  name,
  unit,
  value,
  better: 'more',
});

export const less = (name: string, unit: string, value: number | undefined): Figure => ({
  name,
  unit,
  value,
  better: 'less',
});

export const same = (name: string, unit: string, value: number | undefined): Figure => ({
  name,
  unit,
  value,
  better: 'same',
});
