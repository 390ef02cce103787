import type { Fault } from '../fault.ts';
import { moment } from '../harness/moment.ts';

export const serverKilled: Fault = {
  name: 'server-killed',
  what: 'SIGKILL of nats-server under load, at a random moment',
  times: { short: 1, long: 15 },
  inject: async ({ system, random, sized }) => {
    const burst = system.load.burst(sized(1_500));
    await moment(random.below(150));
    await system.server.restart();
    await burst;
  },
};
