/** The description of a service, the context that its parts get, and the running service. */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../../config/schema.ts';
import type { Tracing } from '../../observability/tracing/tracing.ts';
import type { EventCodec } from '../event/codec.ts';
import type { Log } from '../log/port.ts';
import type { Endpoint, Json } from '../nats/micro.ts';
import type { Publisher } from '../nats/publisher.ts';
import type { Effect, StateFollower } from '../projection/after-commit.ts';
import type { ProjectionDefinition, ServiceName } from '../projection/definition.ts';
import type { ProjectionFiles } from '../projection/files.ts';
import type { ProjectionLoop, ProjectionStatus } from '../projection/loop.ts';
import type { PersonalDataSource } from '../projection/personal-data.ts';
import type { ProjectionStore } from '../projection/store.ts';
import type { MissingStream } from '../streams/missing.ts';

/** Where a service runs, and with what. */
export interface ServiceEnvironment {
  config: Config;
  natsUrl: string;
  /** Folder of the projections. */
  data: string;
  /** Port of health and metrics; 0: any free port. */
  healthPort: number;
  /** Number of the replica; 1 is the first instance. Each has a projection and a consumer of its own. */
  replica?: number;
  /**
   * The role of a process that is built like the service but is not one of its instances, such as a shadow. Its files,
   * consumer and subjects have this name, and it has no rebuilds and no cut-over.
   */
  role?: string;
  logger?: Logger;
}

/** What the parts of a service get. */
export interface ServiceContext {
  config: Config;
  nc: NatsConnection;
  log: Log;
  codec: EventCodec;
  /** The definition of the fold. */
  definition: ProjectionDefinition<unknown>;
  store: ProjectionStore;
  loop: ProjectionLoop;
  publisher: Publisher;
  logger: Logger;
  registry: Registry;
  /** Undefined: traces are off. */
  tracing: Tracing | undefined;
  /** The files of this instance. */
  files: ProjectionFiles;
  /** Key by which records of erasures name users. */
  erasureKey: Uint8Array;
  /**
   * Changes the fold: the service rebuilds a projection by this definition beside the live one, with these additional
   * arguments for the command, and cuts over to it.
   */
  refold(definition: ProjectionDefinition<unknown>, args: readonly string[]): void;
}

/**
 * A part of a service with a life of its own, made by a `createX(dependencies)`: it has any of these members.
 */
export interface ServicePart {
  /** Name in messages. */
  name: string;
  endpoints?: Readonly<Record<string, Endpoint>> | undefined;
  /** State in memory that follows the log beside the rows; one part of a service may have it. */
  state?: StateFollower | undefined;
  /** Effects of commits. */
  effects?: readonly Effect[] | undefined;
  /** Personal data in memory, for an export. */
  personalData?: readonly PersonalDataSource[] | undefined;
  /** Whether a rebuild that is due must wait. */
  holdsRebuild?: (() => boolean) | undefined;
  /**
   * Somebody deleted this stream, bucket or store, and it was made again, empty: the part writes what belongs there. Also
   * called if nothing of the part is in it.
   */
  madeAgain?: ((name: string) => Promise<void> | void) | undefined;
  /** Called before each scrape. */
  refreshMetrics?: (() => void) | undefined;
  /** Members of the status of this service. */
  status?: (() => Json) | undefined;
  /** Called once the loop runs. */
  start?: (() => void) | undefined;
  /** Called before the loop is stopped. */
  stop?: (() => Promise<void>) | undefined;
  /** Called after the last commit, once the loop has stopped, while the connection is still open. */
  stopped?: (() => Promise<void>) | undefined;
}

/** All parts of a service as one: see `composeParts`. */
export type ServiceParts = Omit<ServicePart, 'name'>;

export interface ServiceDescription<Tables> {
  description: string;
  definition: ProjectionDefinition<Tables>;
  /**
   * Whether the service answers from rows of another fold version while it rebuilds a projection beside them. Not for a
   * service with state in memory: it would need the old settings to fold that state.
   */
  rebuildsBeside: boolean;
  /** The role of a shadow that may run beside the service, with files in the same folder. */
  shadow?: string;
  /** Finds the definition that the log itself prescribes, before the service folds; left out: `definition`. */
  resolveDefinition?: (nc: NatsConnection) => Promise<ProjectionDefinition<Tables>>;
  /** Whether a rebuild that is due after an erasure must wait because the log is not ready. */
  rebuildWaits?: (nc: NatsConnection) => Promise<boolean>;
  /**
   * Reads what the next projection runtime needs in memory, while this one still answers. `goOn`: whether the service still
   * runs; if not, it waits for the end of this. A failure must leave it to the next runtime.
   */
  beforeCutOver?: (
    files: ProjectionFiles,
    definition: ProjectionDefinition<Tables>,
    goOn: () => boolean,
  ) => Promise<void>;
  /** Makes the service's own parts, once store and connection are open, and again for each projection runtime. */
  parts: (context: ServiceContext) => ServiceParts | Promise<ServiceParts>;
}

export interface RunningService {
  service: ServiceName;
  healthUrl: string;
  status(): ServiceStatus;
  /** The part of the status that costs nothing, for frequent polls. */
  progress(): Pick<ServiceStatus, 'state' | 'seq' | 'lag'>;
  stop(): Promise<void>;
}

export interface ServiceStatus extends Json {
  service: ServiceName;
  pid: number;
  state: ProjectionStatus['state'];
  seq: number;
  lag: number;
  dead_letters: number;
  /** What the service needs in JetStream and somebody deleted; left out if nothing is missing. */
  missing?: readonly MissingStream[];
}
