/** The settings that the engine's answers depend on: their hash, their differences, and one configuration over another. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../bus/event/canonical.ts';
import { completeConfig } from '../../config/load.ts';
import { CONFIG_SCHEMA, type Config } from '../../config/schema.ts';
import { MODEL_CODE } from '../model/mod.ts';

/** Operational settings: they decide when and how fast the engine works, and no answer depends on them. */
const OPERATIONAL: ReadonlySet<string> = new Set<keyof Config['engine']>([
  'publish_rankings',
  'lease_ms',
  'batch_ms',
  'batch_rest_ms',
  'cut_over_slice_ms',
  'learn_beside_mib',
  'learn_beside_ms',
  'ranking_slice_ms',
  'ranking_share',
  'ranking_window',
  'ranking_window_bytes',
  'similar_interval_ms',
  'similar_batch',
  'cached_lists',
  'cached_list_bytes',
  'cursor_bytes',
  'start_from_snapshot',
  'snapshot_events',
  'snapshot_interval_ms',
  'snapshot_stop_ms',
  'snapshot_stall_ms',
  'snapshots_kept',
  'snapshots_older',
  // The results of training are recorded, so the state depends on the records and not on these settings.
  'training_first_events',
  'training_every_events',
  'training_features',
  'training_rank',
  'training_time_limit_ms',
  'training_follow_ms',
]);

/** The engine's section without operational settings. */
export type EngineSettings = Readonly<Record<string, unknown>>;

export const settingsOf = ({ engine }: Config): EngineSettings =>
  JSON.parse(
    JSON.stringify(Object.fromEntries(Object.entries(engine).filter(([name]) => !OPERATIONAL.has(name)))),
  ) as EngineSettings;

/** Hash of the settings that the engine's answers depend on, 12 hex digits. */
export const configHash = (config: Config): string =>
  createHash('sha256')
    .update(canonicalJson(settingsOf(config)))
    .digest('hex')
    .slice(0, 12);

/** The origin of a state of the model: settings, code and log. An engine can use a state only if all of these are equal. */
export interface Origin {
  /** Hash of the engine's configuration. */
  config: string;
  /** Version of the model's code, `MODEL_CODE`. */
  model: number;
  /** Fold version of the engine's rows: schemas, declared types, weights. */
  fold: string;
  /** Creation time of the stream that it folds. */
  stream: string;
}

/** The origin of the states that an engine makes. */
export const originOf = (config: Config, fold: string, stream: string): Origin => ({
  config: configHash(config),
  model: MODEL_CODE,
  fold,
  stream,
});

const KNOWN: ReadonlySet<string> = new Set(Object.keys(CONFIG_SCHEMA.properties.engine.properties));

/**
 * A configuration with other settings of the engine. It ignores settings that this release does not have, and keeps the
 * operational settings. Throws `ConfigInvalidError` for an invalid value.
 */
export function withSettings(config: Config, settings: EngineSettings, origin: string): Config {
  const own = Object.fromEntries(
    Object.entries(settings).filter(([name]) => KNOWN.has(name) && !OPERATIONAL.has(name)),
  );
  return completeConfig({ ...config, engine: { ...config.engine, ...own } }, origin);
}

/** Settings of the engine that differ, by name: value of the first, value of the second. */
export function differences(one: EngineSettings, other: EngineSettings): Record<string, [unknown, unknown]> {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
  return Object.fromEntries(
    names
      .filter((name) => JSON.stringify(one[name] ?? null) !== JSON.stringify(other[name] ?? null))
      .map((name) => [name, [one[name] ?? null, other[name] ?? null]]),
  );
}
