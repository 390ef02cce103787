import assert from 'node:assert/strict';
import { SERVICES, type ServiceName } from '../../../src/bus/projection/definition.ts';
import { makeTempDir, removeTempDir } from '../../support/folder.ts';
import { until } from '../../support/wait.ts';
import type { Fault } from '../fault.ts';
import { createServiceProcess } from '../harness/service-process.ts';

export const secondInstance: Fault = {
  name: 'second-instance',
  what: 'a second process of an instance on the same data: it does not start, and names the process that holds the data',
  times: { short: 1, long: 4 },
  inject: async ({ system, n }) => {
    const name = SERVICES[n % SERVICES.length] as ServiceName;
    const second = createServiceProcess({ name, data: system.data, nats: () => system.url });
    // It never starts. The harness retries again and again, and that changes nothing.
    const starting = second.start().catch(() => {});
    await until(() => second.failures.length > 0, { within: 30_000 });
    assert.equal(second.failures[0], 'FRESHET_INSTANCE_LOCKED');
    // Its output may arrive later than its IPC message.
    await until(() => second.said.some((line) => line.includes(String(system.services[name].pid))), {
      within: 10_000,
      what: 'the error names the process that holds the data',
    });
    await second.kill(true);
    void starting;
  },
};

export const consumerStolen: Fault = {
  name: 'consumer-stolen',
  what: 'a second process with its own data and the same consumer: both take the consumer from each other under load',
  times: { short: 0, long: 4 },
  inject: async ({ system, n }) => {
    const name = SERVICES[(n + 1) % SERVICES.length] as ServiceName;
    const data = makeTempDir('second');
    const second = createServiceProcess({ name, data, nats: () => system.url });
    try {
      await second.start();
      await system.load.burst(2_000);
      const { lastSeq } = system.load;
      // The process that loses the consumer reads on from its checkpoint, so both reach the end.
      await system.folded(lastSeq);
      await until(() => (second.state?.seq ?? 0) >= lastSeq, { within: 60_000 });
    } finally {
      await second.stop();
      removeTempDir(data);
    }
  },
};
