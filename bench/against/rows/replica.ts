import { call } from '../../../src/bus/nats/micro.ts';
import { createRandom } from '../../../src/demo/random.ts';
import { userOf } from '../../load/requests.ts';
import { type BenchSystem, endOf, entryOf, load, startReplicas, until } from '../../serving/system.ts';
import { less, type Row, same } from '../row.ts';
import { logOf, READERS, simulatedEvents } from '../simulated.ts';
import { engineMetrics, secondsSince, withSystem } from '../system.ts';

/** Users whose lists the row compares, and requests for each: either engine may answer a request. */
const USERS = 20;
const REQUESTS = 6;
/** A snapshot soon after the load. */
const SETTINGS = { FRESHET_ENGINE_SNAPSHOT_INTERVAL_MS: '10000' };
const MIB = 1_048_576;

interface List {
  seq: number;
  items: { item: string }[];
}

export const replicaRow: Row = {
  name: 'replica',
  about: 'a second engine without files beside a running one, from its start until it is ready at the head of the log',
  needs: [],
  measure: (measurement) =>
    withSystem(measurement, { settings: SETTINGS }, async (system) => {
      const { tree, options, say } = measurement;
      const sizes = logOf(options.events);
      say(`loading ${options.events.toLocaleString('en')} events`);
      const head = await load(system, simulatedEvents(sizes));
      say('waiting for a snapshot of the engine');
      await until(async () => {
        const at = await snapshotSeq(system);
        return at >= head || `the newest snapshot is of ${at}, the log ends at ${head}`;
      });
      const memory = /^process_resident_memory_bytes(?:\{.*\})? (\S+)/m.exec(await engineMetrics(system))?.[1];
      say('starting the replica');
      const started = performance.now();
      const [replica] = startReplicas(1, { ...system, entry: entryOf(tree.root) });
      try {
        await until(async () => {
          const status = await statusOf(system, 'engine-2');
          if (status === undefined) return 'the replica does not answer yet';
          return (status.state === 'ready' && status.seq >= head) || `the replica is ${status.state} at ${status.seq}`;
        });
        const seconds = secondsSince(started);
        say('comparing lists of both engines');
        return [
          less('until the replica is ready', 's', seconds),
          less('memory of the first engine', 'MiB', Number(memory) / MIB),
          same('events in the log', '', head),
          same('users with different lists', '', await differing(system, sizes.users)),
        ];
      } finally {
        if (replica) await endOf(replica);
      }
    }),
};

/** Undefined: the instance does not answer yet. */
const statusOf = ({ nc }: BenchSystem, instance: string): Promise<{ state: string; seq: number } | undefined> =>
  call<{ state: string; seq: number }>(nc, `freshet.engine.status.${instance}`, {}).catch(() => undefined);

/** Position of the snapshot in force; 0: none. */
async function snapshotSeq({ nc }: BenchSystem): Promise<number> {
  const kv = await nc.jetstream().views.kv('engine');
  return (await kv.get('current'))?.json<{ seq: number }>().seq ?? 0;
}

/** How many of the users drawn got more than one list, although no event came meanwhile. */
async function differing({ nc }: BenchSystem, users: number): Promise<number> {
  const random = createRandom(1);
  let different = 0;
  for (let one = 0; one < USERS; one++) {
    const user = userOf({ pattern: READERS, count: users }, random);
    const lists = new Set<string>();
    for (let request = 0; request < REQUESTS; request++) {
      const { seq, items } = await call<List>(nc, 'freshet.engine.recommend', { user, n: 10, max_age_ms: 0 });
      lists.add(JSON.stringify([seq, items.map(({ item }) => item)]));
    }
    if (lists.size > 1) different++;
  }
  return different;
}
