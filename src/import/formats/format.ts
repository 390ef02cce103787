import type { ColumnMap } from '../columns.ts';
import type { Draft } from '../drafts.ts';
import type { LineOptions } from '../lines.ts';
import type { SourceFile } from '../source-file.ts';
import type { ImportFormat, ImportRole } from '../types.ts';

/** What a format makes of one file: its role, and the way to read it. */
export interface Reading {
  role: ImportRole;
  note: string;
  /** Rows at the top that are no data. */
  headerLines: number;
  drafts(options: Pick<LineOptions, 'onBytes' | 'signal'>): AsyncIterable<Draft[]>;
}

export interface FormatOptions {
  map?: ColumnMap | undefined;
  personal?: boolean | undefined;
  /** The user said that it is this format: try, and throw ImportFormatError where that fails. */
  forced: boolean;
}

/** A way in which files are written. */
export interface Format {
  name: ImportFormat;
  /** Undefined for a file that is none of this format. */
  open(file: SourceFile, options: FormatOptions): Reading | undefined;
  /** Name of the data that lies in files of these names, for the source of its events. */
  nameOf(fileNames: readonly string[]): string;
}

/** A file that lies beside the data and is not read. */
export const ignored = (note: string): Reading => ({
  role: 'ignored',
  note,
  headerLines: 0,
  async *drafts() {},
});
