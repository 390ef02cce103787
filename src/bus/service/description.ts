/** What a service says of itself to be run, what its own part is given, and what whoever runs it gets. */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../../config/schema.ts';
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

/** Where a service runs, and with what. */
export interface ServiceEnvironment {
  config: Config;
  natsUrl: string;
  /** Folder of the projections. */
  data: string;
  /** Port of health and metrics; 0 for any free one. */
  healthPort: number;
  /** Replica number; 1 is `<service>-projection`, others have a projection and consumer of their own. */
  replica?: number;
  /**
   * Something else beside the service that is made like it: files, consumer and subjects have this name, and nothing
   * rebuilds it or takes its place.
   */
  role?: string;
  logger?: Logger;
}

/** What a service's own part is given. */
export interface ServiceContext {
  config: Config;
  nc: NatsConnection;
  log: Log;
  codec: EventCodec;
  /** What is folded by. */
  definition: ProjectionDefinition<unknown>;
  store: ProjectionStore;
  loop: ProjectionLoop;
  publisher: Publisher;
  logger: Logger;
  registry: Registry;
  /** The files of this instance. */
  files: ProjectionFiles;
  /** Key by which records of erasures name users. */
  erasureKey: Uint8Array;
  /**
   * The fold is another one from here on: a projection is rebuilt by it beside the one that goes on answering, with
   * these words more to the command, and takes its place.
   */
  refold(definition: ProjectionDefinition<unknown>, args: readonly string[]): void;
}

/**
 * A part of a service with a life of its own, made by a `createX(dependencies)`: those of these members that it has.
 */
export interface ServicePart {
  /** Name in messages. */
  name: string;
  endpoints?: Readonly<Record<string, Endpoint>> | undefined;
  /** State in memory that follows the log beside the rows; one part of a service may have it. */
  state?: StateFollower | undefined;
  /** What acts on commits. */
  effects?: readonly Effect[] | undefined;
  /** What is in memory on a person, for whoever asks to see it. */
  personalData?: readonly PersonalDataSource[] | undefined;
  /** Whether a rebuild that is due has to wait for something. */
  holdsRebuild?: (() => boolean) | undefined;
  /** Called before each scrape. */
  refreshMetrics?: (() => void) | undefined;
  /** More for the status of this service. */
  status?: (() => Json) | undefined;
  /** Called once the loop runs. */
  start?: (() => void) | undefined;
  /** Called before the loop is stopped. */
  stop?: (() => Promise<void>) | undefined;
  /** Called once the loop is stopped and all that came is committed, while there still is a connection. */
  stopped?: (() => Promise<void>) | undefined;
}

/** All parts of a service as one: see `composeParts`. */
export type ServiceParts = Omit<ServicePart, 'name'>;

export interface ServiceDescription<Tables> {
  description: string;
  definition: ProjectionDefinition<Tables>;
  /**
   * Whether rows of another fold version go on answering while others are folded beside them. Not where memory is a
   * fold of the log as well, which would have to be made twice under settings of which one is gone.
   */
  rebuildsBeside: boolean;
  /** What the log itself says of the fold, before anything is folded; left out: nothing. */
  resolveDefinition?: (nc: NatsConnection) => Promise<ProjectionDefinition<Tables>>;
  /** The service's own part, made once store and connection stand; once more when a rebuilt projection takes over. */
  parts: (context: ServiceContext) => ServiceParts | Promise<ServiceParts>;
}

export interface RunningService {
  service: ServiceName;
  healthUrl: string;
  status(): ServiceStatus;
  /** The part of the status that costs nothing, for whoever looks often. */
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
}
