import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../../src/bus/log/random.ts';
import { removeDatabase } from '../../../src/bus/projection/database.ts';
import { SERVICES, type ServiceName } from '../../../src/bus/projection/definition.ts';
import { applyStreams } from '../../../src/bus/streams/plan.ts';
import { published } from '../../support/events.ts';
import { until } from '../../support/wait.ts';
import type { Fault } from '../fault.ts';
import { SOURCE } from '../harness/load.ts';
import type { FaultSystem } from '../harness/system.ts';

/** Waits until all services refuse their log, and returns the codes that their logs show. */
async function refused(system: FaultSystem, code: RegExp): Promise<string[]> {
  await until(() => SERVICES.every((name) => system.services[name].state?.state === 'refusing'), {
    within: 60_000,
    what: 'all services refuse the log',
  }).catch((cause: unknown) => {
    throw new Error(SERVICES.map((name) => `${name}: ${JSON.stringify(system.services[name].state)}`).join(', '), {
      cause,
    });
  });
  const codes = new Set<string>();
  for (const name of SERVICES) {
    const said = system.services[name].said.map((line) => code.exec(line)?.[0]).filter((found) => found !== undefined);
    assert.ok(said.length > 0, `${name} does not say why`);
    for (const one of said) codes.add(one);
  }
  return [...codes].sort();
}

const backup = (system: FaultSystem): string => `${system.server.dir}.backup`;

/** Copies all files of the server while it is down. */
async function backUp(system: FaultSystem): Promise<void> {
  await system.load.pause();
  await system.folded(await system.lastSeq());
  await system.server.kill();
  cpSync(system.server.dir, backup(system), { recursive: true });
  await system.server.restart();
}

async function restore(system: FaultSystem): Promise<void> {
  await system.server.kill();
  rmSync(system.server.dir, { recursive: true });
  cpSync(backup(system), system.server.dir, { recursive: true });
  rmSync(backup(system), { recursive: true });
  await system.server.restart();
}

export const streamRecreated: Fault = {
  name: 'stream-recreated',
  what: 'the stream deleted and created again, with new events: the services refuse with FRESHET_LOG_RECREATED; then the backup restored',
  times: { short: 0, long: 3 },
  system: {},
  quiet: true,
  inject: async ({ system }) => {
    await system.load.burst(500);
    await backUp(system);
    // Waits until the server answers again.
    await system.lastSeq();
    await (await system.nc.jetstreamManager()).streams.delete('EVENTS');
    await applyStreams(system.nc);
    await system.nc.jetstream().publish('ev.user.user-1.viewed', 'an event of another log');
    await refused(system, /FRESHET_LOG_RECREATED/);
    await restore(system);
  },
};

/** Flips bytes in the middle of the oldest or the newest message block. */
function flip(system: FaultSystem, which: 'oldest' | 'newest', random: Random): void {
  const folder = join(system.server.dir, 'jetstream', '$G', 'streams', 'EVENTS', 'msgs');
  const blocks = readdirSync(folder)
    .filter((name) => name.endsWith('.blk'))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  if (which === 'oldest') assert.ok(blocks.length > 1);
  const block = join(folder, blocks.at(which === 'oldest' ? 0 : -1) as string);
  const bytes = readFileSync(block);
  for (let i = 0; i < 8; i++) {
    const at = Math.floor(bytes.length * (0.2 + 0.6 * random.next()));
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
  }
  writeFileSync(block, bytes);
}

export const newestBlockFlipped: Fault = {
  name: 'newest-block-flipped',
  what: 'bytes of the newest message block of the stream flipped while the server was down: all services refuse; then the backup restored',
  times: { short: 0, long: 5 },
  system: {},
  quiet: true,
  inject: async ({ system, random, note, sized }) => {
    await system.load.burst(sized(3_000));
    await backUp(system);
    await system.server.kill();
    flip(system, 'newest', random);
    await system.server.restart();
    for (const code of await refused(system, /FRESHET_LOG_[A-Z]+/)) note(`refused as ${code}`);
    await restore(system);
  },
};

/** Publishes events that fill more than one block of 8 MB. */
const fillBlocks = ({ load }: FaultSystem): Promise<void> =>
  load.publish(
    ...Array.from({ length: 4_000 }, (_, i) =>
      published(`long-${i % 100}`, { description: 'long '.repeat(500) }, { id: `long-${i}`, source: SOURCE }),
    ),
  );

export const oldBlockFlipped: Fault = {
  name: 'old-block-flipped',
  what: 'the same with an old block, whose messages all services have folded: beginning and end of the stream do not change',
  times: { short: 0, long: 3 },
  system: {},
  quiet: true,
  inject: async ({ system, random, note, n }) => {
    if (n === 0) await fillBlocks(system);
    await backUp(system);
    await system.server.kill();
    flip(system, 'oldest', random);
    await system.server.restart();
    for (const code of await refused(system, /FRESHET_LOG_PRUNED/)) note(`refused as ${code}`);
    await restore(system);
  },
};

export const flippedWhileRunning: Fault = {
  name: 'flipped-while-running',
  what: 'bytes of an old block flipped while the server runs, which silently skips those messages: a service that folds the log from its beginning refuses',
  times: { short: 0, long: 3 },
  system: {},
  quiet: true,
  inject: async ({ system, random, note, n }) => {
    if (n === 0) await fillBlocks(system);
    await backUp(system);
    const service = system.services[SERVICES[n % SERVICES.length] as ServiceName];
    await service.stop();
    removeDatabase(system.fileOf(service.name));
    flip(system, 'oldest', random);
    await service.start();
    await until(() => service.state?.state === 'refusing', { within: 60_000, what: 'the service refuses the log' });
    assert.ok(service.said.some((line) => line.includes('FRESHET_LOG_PRUNED')));
    note('refused as FRESHET_LOG_PRUNED');
    await restore(system);
  },
};
