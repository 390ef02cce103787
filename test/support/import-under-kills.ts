/** An import while a test kills processes: counts are exact, and a second import changes nothing. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCodec } from '../../src/bus/event/codec.ts';
import type { ServiceStatus } from '../../src/bus/service/description.ts';
import { simulate } from '../../src/demo/simulator.ts';
import { startSystem, type TestSystem } from './system.ts';
import { makeTempDir, removeTempDir } from './tempdir.ts';
import { until } from './wait.ts';

const SERVICES = ['user', 'content', 'feedback', 'engine'];

interface ImportResult {
  read: number;
  published: number;
  duplicates: number;
  rejected: number;
}

interface Status {
  services: { restarts: number }[];
}

export interface UnderKills {
  interactions: number;
  /** The processes that the test kills, one after the other. */
  victims: readonly string[];
}

export function importUnderKills({ interactions, victims }: UnderKills): void {
  let system: TestSystem;
  let nc: NatsConnection;
  let folder: string;
  let file: string;
  let firstLine: string;
  let events = 0;

  beforeAll(async () => {
    folder = makeTempDir();
    file = join(folder, 'history.jsonl');
    const lines: string[] = [];
    const sizes = { events: interactions, readers: 100, items: 200 };
    for (const event of simulate({ seed: 11, end: Date.UTC(2026, 0, 1), ...sizes })) lines.push(JSON.stringify(event));
    events = lines.length;
    firstLine = lines[0] as string;
    writeFileSync(file, `${lines.join('\n')}\n`);
    system = await startSystem({
      args: ['--no-demo'],
      env: {
        FRESHET_PUBLISHER_TIMEOUT_MS: '1000',
        FRESHET_PUBLISHER_RETRIES: '100',
        // One message at a time: so few events take long enough to kill every process during the import.
        FRESHET_PUBLISHER_WINDOW: '1',
      },
    });
    nc = await system.connect();
  });

  afterAll(async () => {
    await nc?.close();
    await system?.stop();
    removeTempDir(folder);
  });

  /** Waits until all services are at the end of the log, and returns the state of both. */
  const caughtUp = () =>
    until(
      async () => {
        const { state: log } = await (await nc.jetstreamManager()).streams.info('EVENTS');
        const services = await Promise.all(SERVICES.map((service) => system.ask<ServiceStatus>(`${service}.status`)));
        return services.every(({ state, seq }) => state === 'ready' && seq === log.last_seq) && { log, services };
      },
      { within: 90_000 },
    );

  const rowCounts = (): Record<string, number> => ({
    interactions: system.count('user', 'SELECT count(*) FROM interaction'),
    learnt: system.count('engine', 'SELECT count(*) FROM interaction'),
    items: system.count('content', 'SELECT count(*) FROM item'),
    ...Object.fromEntries(
      SERVICES.map((service) => [`identities of ${service}`, system.count(service, 'SELECT count(*) FROM identity')]),
    ),
  });

  describe('an import while processes are killed', () => {
    it('loses no event and counts none twice', async () => {
      const importing = system.json<ImportResult>('import', file);
      for (const victim of victims) {
        const before = (await lastSeq()) ?? 0;
        // The test kills the next process when the log has grown, or when the import has ended.
        await Promise.race([
          until(async () => ((await lastSeq()) ?? 0) > before, { within: 20_000 }).catch(() => {}),
          importing,
        ]);
        try {
          system.kill(victim);
        } catch {
          // `up` is restarting it.
        }
      }
      const result = await importing;
      expect(result).toMatchObject({ read: events, rejected: 0 });
      // If an answer was lost with the server, the repeated publish counts as a duplicate.
      expect(result.published + result.duplicates).toBe(events);
      const { log, services } = await caughtUp();
      expect(log).toMatchObject({ last_seq: events, messages: events });
      expect(services.map(({ dead_letters }) => dead_letters)).toEqual([0, 0, 0, 0]);
      const status = await system.json<Status>('status');
      expect(status.services.reduce((sum, { restarts }) => sum + restarts, 0)).toBeGreaterThan(0);
      const counts = rowCounts();
      expect(counts.interactions).toBe(interactions);
      expect(counts.learnt).toBe(interactions);
      for (const service of SERVICES) expect(counts[`identities of ${service}`]).toBe(events);
    });

    it('changes nothing when it is run again, also after the window in which the server itself knows duplicates', async () => {
      const before = rowCounts();
      const jsm = await nc.jetstreamManager();
      await jsm.streams.update('EVENTS', { duplicate_window: 100_000_000 });
      // Publishes one event under its old id until the server stores it again: then the server has forgotten the ids.
      const prepared = createCodec().prepare(JSON.parse(firstLine));
      if (!prepared.ok) throw new Error(prepared.problem.message);
      const { subject, identity, payload } = prepared.prepared;
      const js = nc.jetstream();
      await until(async () => !(await js.publish(subject, payload, { msgID: identity })).duplicate, { within: 60_000 });
      const again = await system.json<ImportResult>('import', file);
      expect(again).toMatchObject({ read: events, published: 0, duplicates: events, rejected: 0 });
      const { log } = await caughtUp();
      expect(log).toMatchObject({ last_seq: events + 1, messages: events + 1 });
      expect(rowCounts()).toEqual(before);
    });
  });

  async function lastSeq(): Promise<number | undefined> {
    try {
      return system.count('user', 'SELECT seq FROM checkpoint');
    } catch {
      return undefined;
    }
  }
}
