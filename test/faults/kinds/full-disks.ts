import { SERVICES } from '../../../src/bus/projection/definition.ts';
import { until } from '../../support/wait.ts';
import type { Fault } from '../fault.ts';
import { noSmallDisk, type SmallDisk } from '../harness/disk.ts';

export const projectionsFull: Fault = {
  name: 'projections-full',
  what: 'the disk of the projections full: the services pause, and go on when there is room',
  times: { short: 1, long: 5 },
  impossible: noSmallDisk,
  system: { disk: { under: 'projections', megabytes: 256 } },
  inject: async ({ system, note }) => {
    const disk = system.disk as SmallDisk;
    await system.load.pause();
    disk.fill();
    // More events than fit into the space that the write-ahead logs already have.
    await system.load.burst(4_000);
    const stuck = () =>
      SERVICES.filter((name) => {
        const { state } = system.services[name];
        return state !== undefined && state.state !== 'ready' && state.seq < system.load.lastSeq;
      });
    await until(() => stuck().length > 0, { within: 30_000, what: 'a service reports that it is not ready' });
    note('the load waits while the disk is full');
    disk.free();
    system.load.begin(200);
  },
};

export const streamFull: Fault = {
  name: 'stream-full',
  what: 'the disk of the streams full: nats-server acknowledges no event; then room, and a restart of the server as by `freshet up`',
  times: { short: 0, long: 5 },
  impossible: noSmallDisk,
  system: { disk: { under: 'streams', megabytes: 256 } },
  inject: async ({ system }) => {
    const disk = system.disk as SmallDisk;
    disk.fill();
    const before = system.load.acknowledged.size;
    const burst = system.load.burst(4_000);
    // The server can still fill the files that it has open. After that it answers no more.
    await until(() => system.publisher.pending > 0 && system.load.stalledMs() > 2_000, { within: 60_000 });
    disk.free();
    await system.server.restart();
    await burst;
    if (system.load.acknowledged.size < before + 4_000) throw new Error('not all were acknowledged');
  },
};
