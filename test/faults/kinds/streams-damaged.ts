import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICES } from '../../../src/bus/projection/definition.ts';
import { applyStreams } from '../../../src/bus/streams/plan.ts';
import { until } from '../../support/wait.ts';
import type { Fault } from '../fault.ts';
import type { FaultSystem } from '../harness/system.ts';

/** All services refuse; the codes they do it with are in their log. */
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

/** A copy of all that the server holds, made while it is down. */
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
  what: 'the stream deleted and made again, and published to: refused as FRESHET_LOG_RECREATED; then the backup put back',
  times: { short: 0, long: 3 },
  system: {},
  quiet: true,
  inject: async ({ system }) => {
    await system.load.burst(500);
    await backUp(system);
    // Asked once the server answers again.
    await system.lastSeq();
    await (await system.nc.jetstreamManager()).streams.delete('EVENTS');
    await applyStreams(system.nc);
    await system.nc.jetstream().publish('ev.user.user-1.viewed', 'an event of another log');
    await refused(system, /FRESHET_LOG_RECREATED/);
    await restore(system);
  },
};

export const blockFlipped: Fault = {
  name: 'block-flipped',
  what: 'bytes of a message block of the stream flipped while the server was down: all services refuse; then the backup put back',
  times: { short: 1, long: 5 },
  system: {},
  quiet: true,
  inject: async ({ system, random, note }) => {
    await system.load.burst(3_000);
    await backUp(system);
    await system.server.kill();
    const folder = join(system.server.dir, 'jetstream', '$G', 'streams', 'EVENTS', 'msgs');
    const block = readdirSync(folder).find((name) => name.endsWith('.blk')) as string;
    const bytes = readFileSync(join(folder, block));
    for (let i = 0; i < 8; i++) {
      const at = Math.floor(bytes.length * (0.2 + 0.6 * random.next()));
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
    }
    writeFileSync(join(folder, block), bytes);
    await system.server.restart();
    for (const code of await refused(system, /FRESHET_LOG_[A-Z]+/)) note(`refused as ${code}`);
    await restore(system);
  },
};
