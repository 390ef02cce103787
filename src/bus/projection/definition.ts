/** The definition of a service's projection. Loop, checkpoint, identities and dead letters are the same for all services. */
import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { canonicalJson } from '../event/canonical.ts';
import type { LoggedEvent } from '../event/codec.ts';
import { DECLARED_INTERACTION, EVENT_DATA } from '../event/types.ts';
import { CODEC_CODE } from '../event/version.ts';
import type { ForgetRows } from './erasing.ts';
import type { PersonalDataRows } from './personal-data.ts';

/** Version of the tables that every projection has. Raise it with every change of them. */
const COMMON_CODE = 5;

export const SERVICES = ['user', 'content', 'feedback', 'engine'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** The fold's clock, milliseconds since 1970: running maximum of the counted time of events. */
export interface FoldClock {
  readonly now: number;
}

/** Counts that `apply` and `forget` gather in memory, because many events change the same rows. */
export interface Gathered {
  /** Writes them, in the transaction that gathered them. */
  write(): void;
  /** Drops them: their events are rolled back. */
  drop(): void;
}

export interface ProjectionDefinition<Tables> {
  service: ServiceName;
  /** Most messages per transaction while the service runs, if its followers take long; undefined: the setting. */
  batchMax?: number;
  /** Milliseconds that a transaction, followers included, should take while the service runs; undefined: no matter. */
  batchMs?: number;
  /** Least milliseconds from one transaction to the next; undefined: the setting. */
  batchRestMs?: number;
  /** Raised with every change of what `apply` writes. */
  code: number;
  /** The settings that `apply` depends on: weights, declared types. */
  inputs: Readonly<Record<string, unknown>>;
  /**
   * `CREATE TABLE IF NOT EXISTS ...`, for an empty file. A table named `recorded_...` holds inputs of the fold beside the
   * log: comparisons leave it out, and a cut-over copies its rows to the rebuilt file. Of an index
   * of texts, named `index_...`, comparisons read the words.
   */
  schema: string;
  /** Prepares the statements that `apply` uses. */
  tables(db: Database): Tables;
  /**
   * Writes an event to the tables. Pure but for `tables`: no wall clock, no randomness, no I/O, no unordered iteration.
   * Throws only for events that it cannot fold; they move to the dead letters.
   */
  apply(event: LoggedEvent, tables: Tables, clock: FoldClock): void;
  /**
   * Removes a forgotten user's rows from the service's own tables, as if the log had never held the events. Calls `due`
   * if it cannot. Pure as `apply` is; `apply` must not find a doomed row (see `isKept`).
   */
  forget?: ForgetRows<Tables>;
  /** The counts that a transaction gathers; left out: none. `apply` does not read the rows that they change. */
  gathered?(tables: Tables): Gathered;
  /** The personal data in the service's own tables, for an export. */
  personalData?: readonly PersonalDataRows[];
}

/**
 * The fold version: a hash, as 16 hex digits, of all that the rows depend on (code, codec, schemas, declared types,
 * settings). A service rebuilds a projection of another fold version from the log.
 */
export function foldVersion(definition: Pick<ProjectionDefinition<unknown>, 'service' | 'code' | 'inputs'>): string {
  const { service, code, inputs } = definition;
  const schemas = withoutProse(JSON.parse(JSON.stringify({ ...EVENT_DATA, DECLARED_INTERACTION })));
  const whole = { service, common: COMMON_CODE, codec: CODEC_CODE, code, inputs, schemas };
  const text = canonicalJson(JSON.parse(JSON.stringify(whole)));
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** A schema without descriptions: a better wording changes no row. */
function withoutProse(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutProse);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, inner]) => !(key === 'description' && typeof inner === 'string'));
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutProse(inner)]));
}
