/**
 * One simulated life of all services, from a seed: events come, deliveries are dropped, doubled and late, connections
 * are cut, services die at any statement and the disk refuses writes; in the end each of them has to hold what the plain
 * fold of the log gives.
 */
import { createHash } from 'node:crypto';
import { createMemoryLog } from '../../src/bus/log/memory.ts';
import { createRandom } from '../../src/bus/log/random.ts';
import { makeTempDir, removeTempDir } from '../support/folder.ts';
import { createHappenings } from './happenings.ts';
import { createSimulatedService, type Held, plainFold, SERVICES } from './services.ts';
import { inVirtualTime } from './virtual-time.ts';

export interface SimulationResult {
  seed: number;
  messages: number;
  deaths: number;
  /** SHA-256 of what all services held in the end and when: the same seed gives the same. */
  trace: string;
  /** What is not as the plain fold has it; empty where all is well. */
  wrong: string[];
}

/** Said by an engine after each erasure: what its model learned in order is taken out by a rebuild. */
const LEARNED = 'the model cannot subtract what it learned in the order of events';
/** Virtual milliseconds in which everything has to come to rest once there are no more faults. */
const REST_MS = 600_000;

export function simulateServices(seed: number): Promise<SimulationResult> {
  const random = createRandom(seed);
  const folder = makeTempDir('simulation');
  const rate = (...choices: number[]): number => choices[random.below(choices.length)] as number;
  return inVirtualTime(async (time) => {
    const log = createMemoryLog({ seed, now: () => Date.now() });
    const faults = {
      drop: rate(0, 0.01, 0.1),
      double: rate(0, 0.05, 0.3),
      delay: rate(0, 0.1, 0.5),
      cut: rate(0, 0.01, 0.05),
      loseAck: rate(0, 0.1),
    };
    log.inject(faults);
    const happenings = createHappenings(log, random, random.chance(0.5));
    const services = SERVICES.map((name) =>
      createSimulatedService({ name, folder, log, batchMax: rate(1, 2, 7, 100), eraseEvents: rate(1, 2, 500) }),
    );
    let deaths = 0;
    try {
      for (const service of services) service.start();
      const steps = 20 + random.below(100);
      for (let step = 0; step < steps; step++) {
        await happenings.next();
        if (random.chance(0.4)) await time.sleep(1 + random.below(rate(5, 50, 3_000)));
        const service = services[random.below(services.length)] as (typeof services)[number];
        if (random.chance(0.06)) service.keep();
        if (random.chance(0.03)) log.cut();
        if (random.chance(0.08)) service.failing.after(1 + random.below(40));
        for (const one of services) {
          // A statement has failed: the process died there, or the disk has room again.
          if (!one.failing.hit) continue;
          if (random.chance(0.5)) one.failing.heal();
          else {
            deaths++;
            await one.dieAndStart(random.chance(0.6) ? 'newest' : 'none');
          }
        }
        if (random.chance(0.03)) {
          deaths++;
          await service.dieAndStart(random.chance(0.6) ? 'newest' : 'none');
        }
      }
      for (const { failing } of services) failing.heal();
      const { lastSeq, created } = await log.info();
      // Deliveries go on being lost to the end.
      for (const { loop } of services) await loop.reached(lastSeq, REST_MS);
      while (services.some(({ loop }) => loop.erasing())) await time.sleep(10);
      const wrong: string[] = [];
      const messages = log.messages();
      const trace = createHash('sha256').update(`${time.now()} ${lastSeq}`);
      for (const service of services) {
        const held = service.held();
        trace.update(JSON.stringify(held));
        // Purged messages leave no trace in a log that is read from its beginning.
        const plain = plainFold(service.name, folder, messages, created);
        wrong.push(...compare(service.name, held, { ...plain, seq: lastSeq }));
      }
      return { seed, messages: messages.length, deaths, trace: trace.digest('hex'), wrong };
    } finally {
      for (const service of services) await service.close();
      removeTempDir(folder);
    }
  });
}

function compare(name: string, live: Held, plain: Held): string[] {
  const wrong: string[] = [];
  const differ = (what: keyof Held): void => {
    if (live[what] !== plain[what]) wrong.push(`${name}: ${what} is ${live[what]}, the plain fold has ${plain[what]}`);
  };
  differ('seq');
  // What it says itself to be in need of a rebuild is rebuilt, and that is the plain fold.
  if (live.due !== undefined && live.due !== LEARNED) return wrong;
  differ('tables');
  differ('statistics');
  if (live.due === undefined) differ('model');
  return wrong;
}
