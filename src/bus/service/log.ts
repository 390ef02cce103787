/** The log for services: each reads it with one consumer, in portions that let requests through in between. */
import type { NatsConnection } from 'nats';
import { CONSUMERS, EVENTS } from '../../../streams.config.ts';
import type { Config } from '../../config/schema.ts';
import { createJetStreamLog } from '../log/jetstream.ts';
import type { Log } from '../log/port.ts';
import type { PullLimits } from '../log/pull.ts';
import type { Publisher } from '../nats/publisher.ts';

export interface ServiceLogOptions {
  nc: NatsConnection;
  publisher: Publisher;
  config: Config;
  service: string;
  /** Messages per transaction, if the service bounds them so that requests over the same connection do not wait long. */
  batchMax?: number | undefined;
  /** Least milliseconds between two transactions of the service; left out: the setting. */
  batchRestMs?: number | undefined;
}

/** Transactions per request for messages. A request of a caller that arrives behind their messages waits for all of them. */
const BATCHES_AHEAD = 4;

/** The log as services read it. */
export const createServiceLog = ({ nc, publisher, config, service, ...limits }: ServiceLogOptions): Promise<Log> =>
  createJetStreamLog({
    nc,
    publisher,
    stream: EVENTS.name,
    pull: pullLimits(config, limits),
    describe: (consumer) =>
      CONSUMERS.find(({ name }) => name === `${service}-projection`)?.description ??
      `Reads the log for a short time: ${consumer}`,
  });

function pullLimits(
  { projection }: Config,
  { batchMax = projection.pull_batch, batchRestMs }: Pick<ServiceLogOptions, 'batchMax' | 'batchRestMs'>,
): PullLimits {
  return {
    burst: Math.min(projection.pull_batch, BATCHES_AHEAD * batchMax),
    waiting: projection.pull_waiting,
    // Messages that come before the next transaction may as well come together. The check of an idle reader would take a
    // longer pause for a loss.
    restMs: Math.min(batchRestMs ?? projection.batch_rest_ms, projection.idle_check_ms / 2),
    expiresMs: projection.pull_expires_ms,
    heartbeatMs: projection.heartbeat_ms,
  };
}
