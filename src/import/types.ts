import type { CloudEvent } from '../bus/event/types.ts';
import type { EventProblem } from '../errors.ts';
import type { ColumnMap } from './columns.ts';

export const IMPORT_FORMATS = ['movielens', 'recbole', 'csv', 'jsonl'] as const;
/** How the files of one import are written. */
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** What the rows of a file are; `ignored` files lie beside the others and are not read. */
export type ImportRole = 'interactions' | 'items' | 'users' | 'events' | 'ignored';

/** Why a row is left out. Those of events in general keep the code that publishing has for them. */
export type RejectionCode =
  | Extract<
      EventProblem['code'],
      | 'FRESHET_EVENT_MALFORMED'
      | 'FRESHET_EVENT_ENVELOPE'
      | 'FRESHET_EVENT_ID_INVALID'
      | 'FRESHET_EVENT_TYPE_UNKNOWN'
      | 'FRESHET_EVENT_CONTROL_REFUSED'
    >
  | 'FRESHET_IMPORT_ROW_COLUMNS'
  | 'FRESHET_IMPORT_ROW_ENCODING'
  | 'FRESHET_IMPORT_ROW_QUOTES'
  | 'FRESHET_IMPORT_ROW_TIME'
  | 'FRESHET_IMPORT_ROW_VALUE';

/** A row that becomes an event. `line` counts from 1; of a record that spans lines it is the first. */
export interface EventRow {
  kind: 'event';
  event: CloudEvent;
  file: string;
  line: number;
}

/** A row that is left out, and why. */
export interface RejectedRow {
  kind: 'rejected';
  file: string;
  line: number;
  code: RejectionCode;
  message: string;
}

export type ImportRow = EventRow | RejectedRow;

export interface ImportFile {
  /** As it was given, or the folder that was given and the file's name. */
  path: string;
  name: string;
  role: ImportRole;
  /** Size on the disk. */
  bytes: number;
  compressed: boolean;
  /** Rows it holds: exact for small files, else estimated from the head of the file; 0 for ignored ones. */
  rows: number;
  /** What was made of it, in words: the columns that were recognised, or why it is ignored. */
  note: string;
}

/** Where the latest run of a plan stands. */
export interface ImportProgress {
  /** `reading` and sorting come first and yield rejected rows only; `events` follow in order. */
  phase: 'idle' | 'reading' | 'events' | 'done';
  bytesRead: number;
  bytesTotal: number;
  /** Rows read: {@link events} and {@link rejected} together, once all are read. */
  rowsRead: number;
  rejected: number;
  /** Events that there are in all; final as soon as the phase is `events`. */
  events: number;
  /** Events handed out so far. */
  yielded: number;
}

export interface ImportOptions {
  format?: ImportFormat | undefined;
  /** Which column is what, for CSV files. */
  map?: ColumnMap | undefined;
  /** Source of the events; by default `import-<name of the data>`. JSON lines keep their own. */
  source?: string | undefined;
  /** Keep columns that point to a person (zip code, name, e-mail, ...) as traits; they are left out by default. */
  personal?: boolean | undefined;
  /** Rows that are sorted in memory; more go through files in `tempFolder`. Default: `SORT_LIMITS.rows`. */
  maxRowsInMemory?: number | undefined;
  /** Default: the system's temporary folder. */
  tempFolder?: string | undefined;
  /** Ends a run, also while it reads and nothing is yielded. */
  signal?: AbortSignal | undefined;
}

/** What an import will do, found out from names and heads of files alone; nothing has been read in full yet. */
export interface ImportPlan {
  format: ImportFormat;
  source: string;
  /** In the order in which ties of time are resolved. */
  files: ImportFile[];
  bytes: number;
  /** Estimate over all files. */
  rows: number;
  /**
   * Changes when the files (name, size, time of change, head), the source or an option that matters changes; a run
   * with the same fingerprint yields the same events in the same order, so the n-th event of both is the same.
   */
  fingerprint: string;
  progress(): ImportProgress;
  /**
   * Rejected rows as they are met, then all events in order of time (ties: catalogue, then users, then as in the
   * files). Each call reads the files anew. Throws ImportFormatError when a file turns out to be unreadable.
   */
  events(): AsyncGenerator<ImportRow, void, undefined>;
  /** The same in arrays, which is cheaper by an `await` per row. */
  batches(size?: number): AsyncGenerator<ImportRow[], void, undefined>;
}
