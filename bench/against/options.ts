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
  /** The simulated shop of the row `simulated`. */
  shopItems: number;
  shopUsers: number;
  shopEvents: number;
  /** Interactions of the demo; undefined: as configured. */
  demoEvents?: number | undefined;
  /** The simulated system of the rows `catching-up` and `steady`. */
  busyItems: number;
  busyUsers: number;
  busyEvents: number;
  /** Events that the engine catches up with. */
  burst: number;
  /** Seconds of each measurement of the row `steady`, and of that without events in `catching-up`. */
  seconds: number;
  /** Interactions in the log of the rows `rebuild` and `replica`. */
  events: number;
}

export const DEFAULTS = {
  lists: 2_000,
  catalogueItems: 20_000,
  catalogueUsers: 8_000,
  catalogueEvents: 60_000,
  shopItems: 12_000,
  shopUsers: 20_000,
  shopEvents: 170_000,
  busyItems: 2_000,
  busyUsers: 4_000,
  busyEvents: 40_000,
  burst: 20_000,
  seconds: 10,
  events: 100_000,
} as const satisfies RowOptions;
