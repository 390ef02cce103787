/** Values that the parts of one projection runtime of the engine share. */
import type { StreamSeq } from '../bus/event/ids.ts';
import type { Fingerprint } from '../bus/projection/store.ts';
import type { ServiceContext } from '../bus/service/description.ts';
import type { Config } from '../config/schema.ts';
import type { EngineMetrics } from './metrics.ts';
import type { Origin } from './settings/settings.ts';

export interface EngineContext extends Omit<ServiceContext, 'config' | 'definition'> {
  /** The configuration with the settings that this runtime folds under. */
  config: Config;
  /** Hash of these settings, 12 hex digits. */
  hash: string;
  replica: number | undefined;
  /** All replicas answer; the first instance trains, and writes snapshots. */
  first: boolean;
  metrics: EngineMetrics;
  /** The settings, code and log that a state of the model comes from now. */
  origin: () => Origin;
  /** Position of the rows, and messages there, newest first. */
  rows: () => { seq: number; marks: readonly Fingerprint[] };
  /** The user whose events the engine counts under an id. */
  resolve: (id: string) => string;
  /** Resolves once a position is folded; throws `SequenceNotReachedError` after the time that a request may take. */
  reached: (seq: number) => Promise<StreamSeq>;
}
