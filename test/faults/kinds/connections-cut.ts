import assert from 'node:assert/strict';
import { removeDatabase } from '../../../src/bus/projection/database.ts';
import { SERVICES, type ServiceName } from '../../../src/bus/projection/definition.ts';
import type { TcpProxy } from '../../support/proxy.ts';
import { until } from '../../support/wait.ts';
import type { Fault } from '../fault.ts';

const CUTS = 8;
/** Bytes that go to services between two cuts: some hundreds of messages. */
const BETWEEN = 100_000;

export const cutInReplay: Fault = {
  name: 'cut-in-replay',
  what: `the connections of the services cut ${CUTS} times during each replay of the log`,
  times: { short: 0, long: 4 },
  system: { proxied: true },
  inject: async ({ system, n, sized }) => {
    const proxy = system.proxy as TcpProxy;
    const service = SERVICES[n % SERVICES.length] as ServiceName;
    await system.load.burst(sized(3_000));
    await system.folded(system.load.lastSeq);
    await system.services[service].stop();
    removeDatabase(system.fileOf(service));
    const before = proxy.cuts;
    await system.services[service].start();
    proxy.cutEvery(BETWEEN);
    await until(() => proxy.cuts - before >= CUTS, { within: 60_000 });
    proxy.cutEvery(0);
  },
};

export const cutLastBatch: Fault = {
  name: 'cut-last-batch',
  what: 'the connection cut so that the last messages of a quiet log are lost',
  times: { short: 1, long: 8 },
  system: { proxied: true },
  quiet: true,
  inject: async ({ system }) => {
    const proxy = system.proxy as TcpProxy;
    await system.folded(await system.lastSeq());
    proxy.hold(true);
    await system.load.burst(50);
    // The server has sent them. The cut loses the bytes that are in the proxy.
    const ended = performance.now();
    assert.ok(proxy.cut() >= SERVICES.length);
    proxy.hold(false);
    await system.folded(system.load.lastSeq);
    return performance.now() - ended;
  },
};
