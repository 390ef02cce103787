/** Reads data files as events: finds their format, and gives their rows as events in order of time. Publishes nothing. */
export {
  COLUMN_MAP_SCHEMA,
  type ColumnMap,
  type InteractionMap,
  type ItemMap,
  parseColumnMap,
  readColumnMap,
  type UserMap,
} from './columns.ts';
export { type ColumnRole, NAMES_BY_ROLE } from './names.ts';
export { openImport } from './plan.ts';
export { SORT_LIMITS } from './sort.ts';
export { type Change, type ChangeCounts, type Missing, noChanges } from './sync/difference.ts';
export { type FieldDifference, fieldDifferences } from './sync/fields.ts';
export { type CatalogueSync, createSync, type SyncOptions } from './sync/sync.ts';
export { TIME_FORMS, TIME_UNITS, type TimeUnit } from './time/units.ts';
export {
  type EventRow,
  IMPORT_FORMATS,
  type ImportFile,
  type ImportFormat,
  type ImportOptions,
  type ImportPlan,
  type ImportProgress,
  type ImportRole,
  type ImportRow,
  type RejectedRow,
  type RejectionCode,
} from './types.ts';
