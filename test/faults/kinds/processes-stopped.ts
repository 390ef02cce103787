import { SERVICES, type ServiceName } from '../../../src/bus/projection/definition.ts';
import type { Fault } from '../fault.ts';
import { moment } from '../harness/moment.ts';

export const serverStopped: Fault = {
  name: 'server-stopped',
  what: 'SIGSTOP of nats-server for 10 s',
  times: { short: 0, long: 2 },
  inject: async ({ system }) => {
    const pid = system.server.pid as number;
    process.kill(pid, 'SIGSTOP');
    try {
      await moment(10_000);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  },
};

export const serviceStopped: Fault = {
  name: 'service-stopped',
  what: 'SIGSTOP of a service for 60 s',
  times: { short: 0, long: 2 },
  inject: async ({ system, n }) => {
    // The engine can lose the most: it has a model in memory besides its rows.
    const service = system.services[(['engine', 'user'] as const)[n % 2] as ServiceName];
    service.pause();
    try {
      await moment(60_000);
    } finally {
      service.resume();
    }
  },
};

export const slowService: Fault = {
  name: 'slow-service',
  what: 'a service that alternates between 20 ms of running and 180 ms of SIGSTOP, for 8 s',
  times: { short: 0, long: 4 },
  inject: async ({ system, n }) => {
    const service = system.services[SERVICES[(n + 3) % SERVICES.length] as ServiceName];
    const burst = system.load.burst(1_000);
    for (let pulse = 0; pulse < 40; pulse++) {
      service.pause();
      await moment(180);
      service.resume();
      await moment(20);
    }
    await burst;
  },
};

/** Milliseconds within which a service must end. */
const END_MS = 5_000;

export const serviceTerminated: Fault = {
  name: 'service-terminated',
  what: 'SIGTERM of a service while it folds a burst: it ends with code 0 within 5 s',
  times: { short: 0, long: 8 },
  inject: async ({ system, random, n, long, sized }) => {
    const service = system.services[SERVICES[(n + 3) % SERVICES.length] as ServiceName];
    const burst = system.load.burst(sized(1_500));
    await moment(random.below(120));
    const { code, ms } = await service.stop();
    // Only the long form measures the time, because other tests run at the same time as the short form.
    if (code !== 0 || (long && ms > END_MS))
      throw new Error(`${service.name} ended with code ${code} after ${Math.round(ms)} ms`);
    await service.start();
    await burst;
  },
};
