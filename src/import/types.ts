import type { CloudEvent } from '../bus/event/types.ts';
import type { EventProblem } from '../errors.ts';
import type { ColumnMap } from './columns.ts';
import type { TimeOptions } from './time/column.ts';

export const IMPORT_FORMATS = ['movielens', 'recbole', 'parquet', 'csv', 'jsonl'] as const;
/** The format of the files of one import. */
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** What the rows of a file describe. The import does not read `ignored` files. */
export type ImportRole = 'interactions' | 'items' | 'users' | 'events' | 'ignored';

/** Why the import rejects a row. Where publishing has a code for the problem, the row has the same code. */
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

/** A row that becomes an event. `line` counts from 1. For a record of several lines it is the first. */
export interface EventRow {
  kind: 'event';
  event: CloudEvent;
  file: string;
  line: number;
  /** The row describes an item: the caller publishes it only if the catalogue holds the item otherwise. */
  ofItem?: true;
}

/** A rejected row, with the reason. */
export interface RejectedRow {
  kind: 'rejected';
  file: string;
  line: number;
  code: RejectionCode;
  message: string;
}

/** An interaction that an earlier file of the import holds as well, or an item that a later row describes: it makes no event. */
export interface RepeatedRow {
  kind: 'repeated';
  file: string;
  line: number;
}

export type ImportRow = EventRow | RejectedRow | RepeatedRow;

/** Called for a row that the import read in a way that the reader should know. The plan counts equal remarks per file. */
export type OnRemark = (what: string, line: number) => void;

export interface ImportFile {
  /** The path that the user named, or the folder that the user named and the name of the file. */
  path: string;
  name: string;
  role: ImportRole;
  /** Size on the disk. */
  bytes: number;
  compressed: boolean;
  /** Number of rows: exact for a small file, else estimated from its head. 0 for an ignored file. */
  rows: number;
  /** A text for people: the recognised columns, or why the import ignores the file. */
  note: string;
  /** What the import found out from the first rows, in sentences for people. */
  said: string[];
}

/** Progress of the latest run of a plan. */
export interface ImportProgress {
  /** `reading` and sorting come first and yield only rejected rows. `events` follow in order. */
  phase: 'idle' | 'reading' | 'events' | 'done';
  bytesRead: number;
  bytesTotal: number;
  /** Rows read. In the end it is the sum of {@link events} and {@link rejected}. */
  rowsRead: number;
  rejected: number;
  /** Events found so far, with repeated rows. The number is final once the phase is `events`. */
  events: number;
  /** Events and repeated rows yielded so far. */
  yielded: number;
}

export interface ImportOptions extends TimeOptions {
  format?: ImportFormat | undefined;
  /** The meaning of each column, for CSV files. */
  map?: ColumnMap | undefined;
  /**
   * Source of the events. Default: `import` for interactions, `import-<name of the data>` for items and users. JSON lines of
   * events keep their own source.
   */
  source?: string | undefined;
  /** Keeps columns that identify a person (zip code, name, e-mail, ...) as traits. The default excludes them. */
  personal?: boolean | undefined;
  /** Most rows to sort in memory. More rows go through files in `tempFolder`. Default: `SORT_LIMITS.rows`. */
  maxRowsInMemory?: number | undefined;
  /** Default: the temporary folder of the system. */
  tempFolder?: string | undefined;
  /** Stops a run, also while it reads. */
  signal?: AbortSignal | undefined;
}

/** What an import will do, from the names and first lines of the files. */
export interface ImportPlan {
  format: ImportFormat;
  /** The name of the data: the common beginning of the names of its files. */
  name: string;
  /** Source of interactions. */
  source: string;
  /** Source of the rows of items and users. */
  stateSource: string;
  /** Sources under which older builds imported interactions of these files. Empty if the user names a source. */
  formerSources: string[];
  /** In the order that decides between events with equal times. */
  files: ImportFile[];
  bytes: number;
  /** Estimated rows of all files. */
  rows: number;
  /**
   * It changes with the files (name, size, time of change, head), the source and the options that affect events. Two runs
   * with the same fingerprint yield the same events in the same order.
   */
  fingerprint: string;
  progress(): ImportProgress;
  /** The first rows of each file as the import reads them, in sentences for people, by the path of the file. */
  preview(): Promise<Map<string, string[]>>;
  /** Whether the files describe the item. Complete once the latest run has come to its events. */
  describes(item: string): boolean;
  /** What the latest run noticed about rows that it did not reject, in sentences for people. */
  remarks(): string[];
  /**
   * The rejected rows while it reads, then all events in order of time (equal times: catalogue, then users, then as in the
   * files). If several rows describe an item, the last of them makes the event. Each call reads the files again. Throws
   * ImportFormatError if it cannot read a file.
   */
  events(): AsyncGenerator<ImportRow, void, undefined>;
  /** The same in arrays, which saves an `await` per row; of all files, or of those of one role. */
  batches(size?: number, only?: ImportRole): AsyncGenerator<ImportRow[], void, undefined>;
}
