/** Time from an acknowledged event to a list that includes it: `recommend` with the event's sequence as `min_seq`. */
import { randomBytes } from 'node:crypto';
import type { NatsConnection } from 'nats';
import { createCodec } from '../../src/bus/event/codec.ts';
import { call } from '../../src/bus/nats/micro.ts';
import { createPublisher } from '../../src/bus/nats/publisher.ts';
import { type Latency, latencyOf } from '../load/latency.ts';
import { engineStatus } from './system.ts';

export interface Freshness {
  samples: number;
  /** Milliseconds from the acknowledgement to the answer. */
  list: Latency;
  /** Greatest age of the oldest pending ranking, seconds. */
  oldestSeconds: number;
  /** Most users with a pending ranking. */
  waiting: number;
  /** Events without a list in time. */
  failed: number;
}

/** Milliseconds between two events. */
const PAUSE_MS = 20;
/** Milliseconds that a list may take. */
const TIMEOUT_MS = 10_000;
/** Samples between two polls for pending rankings. */
const LOOK_EVERY = 10;

export async function measureFreshness(
  nc: NatsConnection,
  options: { user: () => string; item: () => string; seconds: number },
): Promise<Freshness> {
  const { user, item, seconds } = options;
  const codec = createCodec();
  const publisher = createPublisher(nc);
  const run = randomBytes(6).toString('hex');
  const latencies: number[] = [];
  let oldestSeconds = 0;
  let waiting = 0;
  let failed = 0;
  const end = performance.now() + seconds * 1000;
  for (let sample = 0; performance.now() < end; sample++) {
    const who = user();
    const event = codec.prepare({
      specversion: '1.0',
      id: `${run}-${sample}`,
      source: 'freshet-bench',
      type: 'user.viewed.v1',
      subject: who,
      time: new Date().toISOString(),
      data: { item: item() },
    });
    if (!event.ok) throw new Error(event.problem.message);
    const { seq } = await publisher.publish(event.prepared);
    const acknowledged = performance.now();
    const limit = { timeoutMs: 2 * TIMEOUT_MS };
    const came = await call(
      nc,
      'freshet.engine.recommend',
      { user: who, n: 10, min_seq: seq, timeout_ms: TIMEOUT_MS },
      limit,
    ).then(
      () => true,
      () => false,
    );
    if (came) latencies.push(performance.now() - acknowledged);
    else failed++;
    if (sample % LOOK_EVERY === 0) {
      const { rankings } = await engineStatus(nc);
      oldestSeconds = Math.max(oldestSeconds, rankings.oldestSeconds);
      waiting = Math.max(waiting, rankings.users);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  await publisher.close();
  return { samples: latencies.length, list: latencyOf(latencies), oldestSeconds, waiting, failed };
}
