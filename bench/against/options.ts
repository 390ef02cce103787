/** Data and sizes of the rows. */

export interface RowOptions {
  /** Interactions in any form that an import takes, and items of an atomic file. */
  inter?: string | undefined;
  item?: string | undefined;
  /** Folder or file to import. */
  data?: string | undefined;
  /** Lists to time in one thread. */
  lists: number;
  /** The simulated catalogue of the row `lists`. */
  catalogueItems: number;
  catalogueUsers: number;
  catalogueEvents: number;
}

export const DEFAULTS = {
  lists: 2_000,
  catalogueItems: 20_000,
  catalogueUsers: 8_000,
  catalogueEvents: 60_000,
} as const satisfies RowOptions;
