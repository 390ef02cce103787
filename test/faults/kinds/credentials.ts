import { SERVICES } from '../../../src/bus/projection/definition.ts';
import { makeTempDir, removeTempDir } from '../../support/folder.ts';
import { until } from '../../support/wait.ts';
import type { Fault } from '../fault.ts';
import { moment } from '../harness/moment.ts';
import { createServiceProcess } from '../harness/service-process.ts';
import { PASSWORD } from '../harness/system.ts';

export const wrongCredentials: Fault = {
  name: 'wrong-credentials',
  what: 'a service started with a wrong password: it logs the error and does not start',
  times: { short: 0, long: 2 },
  system: { passwords: true },
  inject: async ({ system }) => {
    const data = makeTempDir('stranger');
    const stranger = createServiceProcess({
      name: 'user',
      data,
      nats: () => `nats://service:wrong@127.0.0.1:${system.server.port}`,
    });
    try {
      const starting = stranger.start().catch(() => {});
      await until(() => stranger.failures.length > 0, { within: 30_000 });
      void starting;
    } finally {
      await stranger.kill(true);
      removeTempDir(data);
    }
  },
};

export const credentialsRevoked: Fault = {
  name: 'credentials-revoked',
  what: 'the password of the running services changed for 5 s (1 s in the short form), then changed back',
  times: { short: 1, long: 5 },
  system: { passwords: true },
  inject: async ({ system, long, sized }) => {
    const before = await system.lastSeq();
    system.servicePassword('another-one');
    await moment(long ? 5_000 : 1_000);
    await until(async () => (await system.lastSeq()) > before + sized(100), { within: 20_000 });
    for (const name of SERVICES)
      if ((system.services[name].state?.seq ?? 0) >= system.load.lastSeq) throw new Error(`${name} still reads`);
    system.servicePassword(PASSWORD);
  },
};
