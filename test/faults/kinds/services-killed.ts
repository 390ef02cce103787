import { SERVICES, type ServiceName } from '../../../src/bus/projection/definition.ts';
import type { Fault, FaultRun } from '../fault.ts';
import { moment } from '../harness/moment.ts';

/** SIGKILL of each service in turn, at a random moment while it folds a burst of events. */
export const servicesKilled: Fault = {
  name: 'service-killed',
  what: 'SIGKILL of a service while it folds a burst, each service in turn, at a random moment',
  times: { short: 1, long: 80 },
  inject: async ({ system, random, n, sized }: FaultRun) => {
    const victim = system.services[SERVICES[n % SERVICES.length] as ServiceName];
    const burst = system.load.burst(sized(1_500));
    await moment(random.below(120));
    await victim.kill();
    await burst;
  },
};
