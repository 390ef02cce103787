import type { ColumnMap } from '../columns.ts';
import type { Draft } from '../drafts.ts';
import type { IdCheck } from '../guess.ts';
import type { LineOptions } from '../lines.ts';
import type { SourceFile } from '../source-file.ts';
import type { TimeOptions } from '../time/column.ts';
import type { ImportFormat, ImportRole, OnRemark } from '../types.ts';

export interface ReadOptions extends Pick<LineOptions, 'onBytes' | 'signal'> {
  onRemark?: OnRemark | undefined;
}

/** How a format reads one file: the role of the file, and its drafts. */
export interface Reading {
  role: ImportRole;
  note: string;
  /** What the format found out from the first lines, in sentences for people. */
  said?: string[];
  /** Number of header lines. */
  headerLines: number;
  drafts(options: ReadOptions): AsyncIterable<Draft[]>;
  /** Checks, while the import reads, that a table that it took for one of items or users is one. */
  idCheck?: (() => IdCheck) | undefined;
}

export interface FormatOptions extends TimeOptions {
  map?: ColumnMap | undefined;
  personal?: boolean | undefined;
  /** The user named this format: throw ImportFormatError if the file does not have it. */
  forced: boolean;
}

/** A format of data files. */
export interface Format {
  name: ImportFormat;
  /** Undefined if the file does not have this format. */
  open(file: SourceFile, options: FormatOptions): Reading | undefined;
  /** Name of the data in files with these names, for the source of its events. */
  nameOf(fileNames: readonly string[]): string;
}

/** A file next to the data that the import does not read. */
export const ignored = (note: string): Reading => ({
  role: 'ignored',
  note,
  headerLines: 0,
  async *drafts() {},
});
