/** Which settings the engine folds under, across the projection runtimes of one process (decision 0021). */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import type { ProjectionDefinition } from '../../bus/projection/definition.ts';
import type { Config } from '../../config/schema.ts';
import { type EngineTables, engineProjection } from '../fold/projection.ts';
import { type Activation, type InForce, inForce, readActivations } from './activations.ts';

export interface SettingsInForce {
  /** The configuration of the file, without activations. */
  file: Config;
  /** The definition under the settings of the file. */
  initial(): ProjectionDefinition<EngineTables>;
  /** Reads the activations that the log holds; the definition under the settings that are in force then. */
  read(nc: NatsConnection): Promise<ProjectionDefinition<EngineTables>>;
  /** The settings that a definition folds under. */
  of(definition: unknown): InForce;
  /** All activations so far, in log order. */
  activations(): readonly Activation[];
  /** Adds an activation that the engine folded. */
  add(activation: Activation): void;
  /** Reads those up to a position from the log again. */
  refresh(upTo: number): Promise<void>;
  /** What the newest activation puts in force. */
  now(): InForce;
  /** The definition under these settings. */
  define(settings: InForce): ProjectionDefinition<EngineTables>;
}

export interface SettingsInForceOptions {
  file: Config;
  logger: Logger;
  /** Called with each user whom a record of an erasure forgets, before it is committed. */
  onForgotten: (user: string, record: number) => void;
}

export function createSettingsInForce({ file, logger, onForgotten }: SettingsInForceOptions): SettingsInForce {
  let activations: Activation[] = [];
  let connection: NatsConnection | undefined;
  const settings = new Map<unknown, InForce>();
  const now = (): InForce => inForce(file, activations, (text) => logger.warn(text));
  function define(under: InForce): ProjectionDefinition<EngineTables> {
    const definition = engineProjection({ config: under.config, forgotten: onForgotten });
    settings.set(definition, under);
    return definition;
  }
  function add(activation: Activation): void {
    if (!activations.some(({ seq }) => seq === activation.seq)) activations.push(activation);
  }
  return {
    file,
    initial: () => define({ config: file, activation: undefined }),
    read: async (nc) => {
      connection = nc;
      activations = await readActivations(nc);
      return define(now());
    },
    of: (definition) => settings.get(definition) as InForce,
    activations: () => activations,
    add,
    refresh: async (upTo) => {
      if (connection) for (const one of await readActivations(connection, upTo)) add(one);
      activations.sort((one, other) => one.seq - other.seq);
    },
    now,
    define,
  };
}
