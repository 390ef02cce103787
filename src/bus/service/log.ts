/** The log for services: each reads it with one consumer, in portions that let requests through in between. */
import type { NatsConnection } from 'nats';
import { CONSUMERS, EVENTS } from '../../../streams.config.ts';
import type { Config } from '../../config/schema.ts';
import { createJetStreamLog } from '../log/jetstream.ts';
import type { Log } from '../log/port.ts';
import type { Publisher } from '../nats/publisher.ts';

export interface ServiceLogOptions {
  nc: NatsConnection;
  publisher: Publisher;
  config: Config;
  service: string;
  /** Messages per transaction, if the service bounds them so that requests over the same connection do not wait long. */
  batchMax?: number | undefined;
}

/** Transactions per request for messages. A request of a caller that arrives behind their messages waits for all of them. */
const BATCHES_AHEAD = 4;

/** The log as services read it. */
export const createServiceLog = ({ nc, publisher, config, service, batchMax }: ServiceLogOptions): Promise<Log> =>
  createJetStreamLog({
    nc,
    publisher,
    stream: EVENTS.name,
    pullBatch: Math.min(config.projection.pull_batch, BATCHES_AHEAD * (batchMax ?? config.projection.pull_batch)),
    pullExpiresMs: config.projection.pull_expires_ms,
    heartbeatMs: config.projection.heartbeat_ms,
    describe: (consumer) =>
      CONSUMERS.find(({ name }) => name === `${service}-projection`)?.description ??
      `Reads the log for a short time: ${consumer}`,
  });
