/** The demo: publishes the past of the simulated readers once, then their live events. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Bulk, createBulk } from '../bus/bulk/bulk.ts';
import { createCodec } from '../bus/event/codec.ts';
import type { CloudEvent } from '../bus/event/types.ts';
import { createJetStreamLog } from '../bus/log/jetstream.ts';
import { accessOf } from '../bus/nats/access.ts';
import { connect } from '../bus/nats/connection.ts';
import { createPublisher, publisherLimits } from '../bus/nats/publisher.ts';
import { prepareServer } from '../bus/streams/prepare.ts';
import type { Config } from '../config/schema.ts';
import { DEMO_SOURCE } from './demo-events.ts';
import { createSimulation, type Simulation } from './simulator.ts';

export interface DemoProgress {
  published: number;
  total: number;
  done: boolean;
  /** Events per second. */
  perSecond: number;
}

export interface DemoOptions {
  config: Config;
  natsUrl: string;
  data: string;
  logger: Logger;
  onProgress: (progress: DemoProgress) => void;
}

export interface RunningDemo {
  /** Resolves when the past is in the log. */
  loaded: Promise<void>;
  stop(): Promise<void>;
}

const BATCH = 2_000;
/** Milliseconds between two reports of progress. */
const PROGRESS_MS = 1_000;

export async function startDemo({ config, natsUrl, data, logger, onProgress }: DemoOptions): Promise<RunningDemo> {
  const nc = await connect({
    url: natsUrl,
    name: 'freshet-demo',
    waitOnFirstConnect: true,
    access: accessOf(config),
  });
  await prepareServer(nc, logger, 'gateway');
  const publisher = createPublisher(nc, publisherLimits(config));
  const log = await createJetStreamLog({ nc, publisher });
  const codec = createCodec({ declared: config.events.declared });
  const { created } = await log.info();
  const { seed, readers, events, trickle_per_s } = config.demo;
  // The past ends when the stream was created, so that each start on the same log gives the same events.
  const simulation = createSimulation({ seed, readers, events, end: Date.parse(created) });
  let past = [...simulation.events()];
  const total = past.length;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function load(): Promise<void> {
    const name = `demo-${created.replaceAll(/[^0-9A-Za-z]/g, '')}-`;
    // A log gets one past. Another number of readers or events gives other events under the same ids.
    if (!readdirSync(data).some((file) => file.startsWith(name) && file.endsWith('.done'))) {
      await loadPast(await createBulk({ nc, log, codec, publisher }));
      writeFileSync(join(data, `${name}${seed}-${readers}-${events}.done`), '');
    }
    // The past is in the log now. The readers continue from their state.
    past = [];
    onProgress({ published: total, total, done: true, perSecond: 0 });
    if (trickle_per_s > 0 && !stopped) timer = trickle(simulation, trickle_per_s);
  }

  async function loadPast(bulk: Bulk): Promise<void> {
    const started = performance.now();
    let reported = started;
    for (let at = 0; at < past.length && !stopped; at += BATCH) {
      await bulk.publish(past.slice(at, at + BATCH));
      const now = performance.now();
      if (now - reported < PROGRESS_MS) continue;
      reported = now;
      const published = Math.min(past.length, at + BATCH);
      onProgress({ published, total, done: false, perSecond: (published * 1000) / (now - started) });
    }
  }

  function trickle(readersAfterPast: Simulation, perSecond: number): NodeJS.Timeout {
    const live = readersAfterPast.live({ now: Date.now });
    // Each run of the demo has its own ids, because the same readers do other things in it.
    const run = Date.now().toString(36);
    let count = 0;
    return setInterval(() => {
      const event: CloudEvent = { ...live.next().value, source: `${DEMO_SOURCE}-live`, id: `${run}-${++count}` };
      const outcome = codec.prepare(event);
      if (!outcome.ok) {
        logger.warn({ problem: outcome.problem }, 'the codec rejected a simulated event');
        return;
      }
      const { subject, identity, payload } = outcome.prepared;
      publisher
        .publish({ subject, identity, payload })
        .catch((err: unknown) => logger.warn({ err }, 'nats-server did not acknowledge a simulated event'));
    }, 1_000 / perSecond);
  }

  return {
    loaded: load(),
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await publisher.close();
      await nc.drain().catch(() => nc.close());
    },
  };
}
