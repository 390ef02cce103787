/** The engine as applications use it: nats-server, the service in its own process, and lists at the head of the log. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCodec } from '../../../src/bus/event/codec.ts';
import { connect } from '../../../src/bus/nats/connection.ts';
import { call } from '../../../src/bus/nats/micro.ts';
import { createPublisher } from '../../../src/bus/nats/publisher.ts';
import { applyStreams } from '../../../src/bus/streams/plan.ts';
import { startBenchServer } from '../../server.ts';
import type { DataSet } from '../data/data-set.ts';
import type { Recommender } from './port.ts';

export const LIVE = 'engine, live';

const ENTRY = fileURLToPath(new URL('../../../bin/freshet.mjs', import.meta.url));
/** Milliseconds that the service may take to fold the events since the last question. */
const FOLD_MS = 300_000;

export async function createLiveEngine(data: DataSet, depth: number): Promise<Recommender> {
  const server = await startBenchServer();
  const nc = await connect({ url: server.url, name: 'accuracy' });
  await applyStreams(nc);
  const publisher = createPublisher(nc);
  const codec = createCodec();
  const service = await startService(server.url, server.folder, data.catalogued);
  const numbers = new Map(data.items.map((id, number) => [id, number]));
  let seq = 0;
  return {
    name: LIVE,
    learn: async (entries) => {
      let last: Promise<number> | undefined;
      for (const { message } of entries) {
        const event: unknown = JSON.parse(Buffer.from(message.payload).toString('utf8'));
        const outcome = codec.prepare(event);
        if (!outcome.ok) throw new Error(outcome.problem.message);
        await publisher.ready();
        const before = last;
        last = Promise.all([before, publisher.publish(outcome.prepared)]).then(([at = 0, ack]) =>
          Math.max(at, ack.seq),
        );
      }
      seq = Math.max(seq, (await last) ?? 0);
      await untilFolded();
    },
    rank: async ({ user }) => {
      const { items } = await call<{ items: { item: string; score: number }[] }>(nc, 'freshet.engine.recommend', {
        user: data.users[user] as string,
        n: depth,
        min_seq: seq,
        max_age_ms: 0,
      });
      return {
        kind: 'list',
        items: items.map(({ item }) => numbers.get(item) as number),
        scores: items.map(({ score }) => score),
      };
    },
    learned: async () => (await status()).model.events,
    close: async () => {
      await stopService(service);
      await publisher.close();
      await nc.close();
      await server.stop();
    },
  };

  function status(): Promise<{ seq: number; model: { events: number } }> {
    return call(nc, 'freshet.engine.status', {}, { timeoutMs: 30_000 });
  }

  /** A request waits for its `min_seq`, but not for minutes of history. */
  async function untilFolded(): Promise<void> {
    const started = performance.now();
    while ((await status()).seq < seq) {
      if (performance.now() - started > FOLD_MS) throw new Error(`the engine did not get to ${seq}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

async function startService(url: string, folder: string, catalogued: boolean): Promise<ChildProcess> {
  // The benchmark measures the default settings, so it ignores the FRESHET_ variables of the environment.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FRESHET_')));
  const child = spawn(process.execPath, [ENTRY, 'service', 'engine', '--data', join(folder, 'data'), '--nats', url], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    cwd: folder,
    env: {
      ...env,
      FRESHET_ENGINE_TRAINING_CONTENT: 'false',
      ...(catalogued ? {} : { FRESHET_ENGINE_SERVE_UNPUBLISHED: 'true' }),
    },
  });
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: { type: string }) => message.type === 'started' && resolve());
    child.once('exit', (code) => reject(new Error(`the engine ended with code ${code}`)));
  });
  return child;
}

async function stopService(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}
