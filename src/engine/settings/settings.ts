/** The engine's settings that its answers depend on: their hash, and those of one place put over those of another. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../bus/event/canonical.ts';
import { completeConfig } from '../../config/load.ts';
import { CONFIG_SCHEMA, type Config } from '../../config/schema.ts';
import { MODEL_CODE } from '../model/mod.ts';

/** Settings that say when and how fast things are done, and nothing of what is answered. */
const OPERATIONAL: ReadonlySet<string> = new Set<keyof Config['engine']>([
  'publish_rankings',
  'lease_ms',
  'batch_rest_ms',
  'ranking_slice_ms',
  'ranking_share',
  'ranking_window',
  'similar_interval_ms',
  'similar_batch',
  'cached_lists',
  'snapshot_events',
  'snapshot_interval_ms',
  'snapshot_stop_ms',
  'snapshot_stall_ms',
  'snapshots_kept',
  'snapshots_older',
  // What was trained is recorded, so that the state depends on the records and not on how they were made.
  'training_first_events',
  'training_every_events',
  'training_features',
  'training_rank',
  'training_time_limit_ms',
  'training_follow_ms',
]);

/** The engine's section without what is operational. */
export type EngineSettings = Readonly<Record<string, unknown>>;

export const settingsOf = ({ engine }: Config): EngineSettings =>
  JSON.parse(
    JSON.stringify(Object.fromEntries(Object.entries(engine).filter(([name]) => !OPERATIONAL.has(name)))),
  ) as EngineSettings;

/** Hash of what the engine's answers depend on beside the log, 12 hex digits. */
export const configHash = (config: Config): string =>
  createHash('sha256')
    .update(canonicalJson(settingsOf(config)))
    .digest('hex')
    .slice(0, 12);

/** What a state was made by and from; one that differs in any of these is no state of this engine. */
export interface Origin {
  /** Hash of the engine's configuration. */
  config: string;
  /** Version of the model's code, `MODEL_CODE`. */
  model: number;
  /** Fold version of the engine's rows: schemas, declared types, weights. */
  fold: string;
  /** Creation time of the stream that it is a fold of. */
  stream: string;
}

/** What a state of the model is made by and from. */
export const originOf = (config: Config, fold: string, stream: string): Origin => ({
  config: configHash(config),
  model: MODEL_CODE,
  fold,
  stream,
});

const KNOWN: ReadonlySet<string> = new Set(Object.keys(CONFIG_SCHEMA.properties.engine.properties));

/**
 * A configuration with other settings of the engine; names that this release does not have are passed over, and what
 * is operational stays as it was. Throws `ConfigInvalidError` for values that are none.
 */
export function withSettings(config: Config, settings: EngineSettings, origin: string): Config {
  const own = Object.fromEntries(
    Object.entries(settings).filter(([name]) => KNOWN.has(name) && !OPERATIONAL.has(name)),
  );
  return completeConfig({ ...config, engine: { ...config.engine, ...own } }, origin);
}

/** Settings of the engine that differ, by name: of the first, of the second. */
export function differences(one: EngineSettings, other: EngineSettings): Record<string, [unknown, unknown]> {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
  return Object.fromEntries(
    names
      .filter((name) => JSON.stringify(one[name] ?? null) !== JSON.stringify(other[name] ?? null))
      .map((name) => [name, [one[name] ?? null, other[name] ?? null]]),
  );
}
