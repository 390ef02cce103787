/** Scoring alone: the model of the snapshot in force, in this process, with nobody else asking. */
import type { NatsConnection } from 'nats';
import { pino } from 'pino';
import { userId } from '../../src/bus/event/ids.ts';
import { createPublisher } from '../../src/bus/publisher.ts';
import type { Config } from '../../src/config/schema.ts';
import { emptyModel } from '../../src/engine/memory.ts';
import { createSnapshots } from '../../src/engine/snapshots/snapshots.ts';

export interface Scoring {
  /** Position that the model holds. */
  seq: number;
  perSecond: number;
}

/** Lists as long as those that a service computes. Throws where there is no snapshot yet. */
export async function scoreAlone(
  nc: NatsConnection,
  options: { config: Config; user: () => string; seconds: number },
): Promise<Scoring> {
  const { config, user, seconds } = options;
  const publisher = createPublisher(nc);
  const snapshots = await createSnapshots({
    nc,
    publisher,
    logger: pino({ level: 'silent' }),
    origin: () => ({ config: '', model: 0, fold: '', stream: '' }),
    keep: config.engine.snapshots_kept,
    stallMs: config.engine.snapshot_stall_ms,
  });
  const manifest = await snapshots.load();
  if (!manifest) throw new Error('the engine has written no snapshot yet');
  const model = emptyModel(config);
  model.importState(await snapshots.read(manifest));
  await publisher.close();
  const run = (ms: number): number => {
    const started = performance.now();
    let lists = 0;
    while (performance.now() - started < ms) {
      model.recommend({ user: userId(user()), n: config.engine.list_length });
      lists++;
    }
    return (lists * 1000) / (performance.now() - started);
  };
  // What is compiled on the way is not what is measured.
  run(500);
  return { seq: manifest.seq, perSecond: run(seconds * 1000) };
}
