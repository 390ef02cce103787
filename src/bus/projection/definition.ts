/** What a service says of its projection; all the rest (loop, checkpoint, identities, dead letters) is the same for all. */
import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { canonicalJson } from '../event/canonical.ts';
import type { LoggedEvent } from '../event/codec.ts';
import { DECLARED_INTERACTION, EVENT_DATA } from '../event/types.ts';
import type { Forgotten } from './data-subjects.ts';
import type { PersonalDataRows } from './personal-data.ts';

/** Raised with every change of the tables that every projection has. */
const COMMON_CODE = 2;

export const SERVICES = ['user', 'content', 'feedback', 'engine'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** The fold's clock, milliseconds since 1970: running maximum of min(event time, the log's own timestamp). */
export interface FoldClock {
  readonly now: number;
}

export interface ProjectionDefinition<Tables> {
  service: ServiceName;
  /** Most messages in one transaction while it serves, where what follows a commit takes long; undefined: as all do. */
  batchMax?: number;
  /** Least milliseconds from one transaction to the next; undefined: as all do. */
  batchRestMs?: number;
  /** Raised with every change of what `apply` writes. */
  code: number;
  /** The settings that `apply` depends on: weights, declared types. */
  inputs: Readonly<Record<string, unknown>>;
  /**
   * `CREATE TABLE IF NOT EXISTS ...`, for an empty file. A table named `recorded_...` holds inputs of the fold beside
   * the log: it is no part of what is compared, and a rebuilt file is given its rows.
   */
  schema: string;
  /** Prepares the statements that `apply` uses. */
  tables(db: Database): Tables;
  /**
   * What an event writes. Pure but for `tables`: no wall clock, no randomness, no I/O, no unordered iteration. Throws
   * only for events that can't be folded, which are then set aside.
   */
  apply(event: LoggedEvent, tables: Tables, clock: FoldClock): void;
  /**
   * Takes a forgotten user's rows out of the service's own tables, as if their events had never been there; says so
   * where it can't tell (`due`). Pure as `apply` is.
   */
  forget?(forgotten: Forgotten, tables: Tables): void;
  /** What the service's own tables hold on a person, for who asks to see it. */
  personalData?: readonly PersonalDataRows[];
}

/**
 * What the meaning of a projection's rows depends on, as 16 hex digits: code, schemas, declared types, settings. A
 * projection that was made under another one is made again from the log.
 */
export function foldVersion(definition: Pick<ProjectionDefinition<unknown>, 'service' | 'code' | 'inputs'>): string {
  const { service, code, inputs } = definition;
  const schemas = withoutProse(JSON.parse(JSON.stringify({ ...EVENT_DATA, DECLARED_INTERACTION })));
  const text = canonicalJson(JSON.parse(JSON.stringify({ service, common: COMMON_CODE, code, inputs, schemas })));
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** A schema without descriptions: a better wording changes no row. */
function withoutProse(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutProse);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, inner]) => !(key === 'description' && typeof inner === 'string'));
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutProse(inner)]));
}
