/** An import while processes are killed: counts are exact, and importing again changes nothing. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCodec } from '../../src/bus/event/codec.ts';
import { simulate } from '../../src/demo/simulator.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

const INTERACTIONS = 12_000;
const SERVICES = ['user', 'content', 'feedback', 'engine'];

interface ImportResult {
  read: number;
  published: number;
  duplicates: number;
  rejected: number;
}

interface Status {
  log: { last_seq: number; messages: number };
  services: { service: string; state: string; seq: number; dead_letters: number; restarts: number }[];
}

let system: TestSystem;
let folder: string;
let file: string;
let firstLine: string;
let events = 0;

beforeAll(async () => {
  folder = makeTempDir();
  file = join(folder, 'history.jsonl');
  const lines: string[] = [];
  for (const event of simulate({ seed: 11, end: Date.UTC(2026, 0, 1), events: INTERACTIONS, readers: 300 }))
    lines.push(JSON.stringify(event));
  events = lines.length;
  firstLine = lines[0] as string;
  writeFileSync(file, `${lines.join('\n')}\n`);
  system = await startSystem({
    args: ['--no-demo'],
    env: { FRESHET_PUBLISHER_TIMEOUT_MS: '1000', FRESHET_PUBLISHER_RETRIES: '30' },
  });
}, 360_000);

afterAll(async () => {
  await system?.stop();
  removeTempDir(folder);
});

const caughtUp = async (): Promise<Status> => {
  let status: Status | undefined;
  await until(
    async () => {
      status = await system.json<Status>('status').catch(() => undefined);
      return status?.services.every(({ state, seq }) => state === 'ready' && seq === status?.log.last_seq) === true;
    },
    { within: 90_000 },
  );
  return status as Status;
};

const rowCounts = (): Record<string, number> => ({
  interactions: system.count('user', 'SELECT count(*) FROM interaction'),
  learnt: system.count('engine', 'SELECT count(*) FROM interaction'),
  items: system.count('content', 'SELECT count(*) FROM item'),
  ...Object.fromEntries(
    SERVICES.map((service) => [`identities of ${service}`, system.count(service, 'SELECT count(*) FROM identity')]),
  ),
});

describe('an import while processes are killed', () => {
  it('loses nothing and counts nothing twice', async () => {
    const importing = system.json<ImportResult>('import', file);
    for (const victim of ['engine', 'user', 'nats-server', 'content', 'feedback', 'nats-server', 'gateway']) {
      const before = (await lastSeq()) ?? 0;
      // The next victim goes when the log has moved on, or the import is over.
      await Promise.race([
        until(async () => ((await lastSeq()) ?? 0) > before, { within: 20_000 }).catch(() => {}),
        importing,
      ]);
      try {
        system.kill(victim);
      } catch {
        // It is just being started again.
      }
    }
    const result = await importing;
    expect(result).toMatchObject({ read: events, rejected: 0 });
    // A publish whose answer was lost with the server comes back as a duplicate of itself.
    expect(result.published + result.duplicates).toBe(events);
    const status = await caughtUp();
    expect(status.log).toMatchObject({ last_seq: events, messages: events });
    expect(status.services.map(({ dead_letters }) => dead_letters)).toEqual([0, 0, 0, 0]);
    expect(status.services.reduce((sum, { restarts }) => sum + restarts, 0)).toBeGreaterThan(0);
    const counts = rowCounts();
    expect(counts.interactions).toBe(INTERACTIONS);
    expect(counts.learnt).toBe(INTERACTIONS);
    for (const service of SERVICES) expect(counts[`identities of ${service}`]).toBe(events);
  }, 540_000);

  it('changes nothing when it is run again, also after the window in which the server itself knows duplicates', async () => {
    const before = rowCounts();
    const nc = await connect({ servers: system.nats });
    const jsm = await nc.jetstreamManager();
    await jsm.streams.update('EVENTS', { duplicate_window: 100_000_000 });
    // Published by hand under its own id until the server stores it once more: then it has forgotten the ids.
    const prepared = createCodec().prepare(JSON.parse(firstLine));
    if (!prepared.ok) throw new Error(prepared.problem.message);
    const { subject, identity, payload } = prepared.prepared;
    const js = nc.jetstream();
    await until(async () => !(await js.publish(subject, payload, { msgID: identity })).duplicate, { within: 10_000 });
    await nc.close();
    const again = await system.json<ImportResult>('import', file);
    expect(again).toMatchObject({ read: events, published: 0, duplicates: events, rejected: 0 });
    const status = await caughtUp();
    expect(status.log).toMatchObject({ last_seq: events + 1, messages: events + 1 });
    expect(rowCounts()).toEqual(before);
  }, 360_000);
});

async function lastSeq(): Promise<number | undefined> {
  try {
    return system.count('user', 'SELECT seq FROM checkpoint');
  } catch {
    return undefined;
  }
}
