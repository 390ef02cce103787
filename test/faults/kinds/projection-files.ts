import assert from 'node:assert/strict';
import { copyFileSync, existsSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { removeDatabase } from '../../../src/bus/projection/database.ts';
import { SERVICES, type ServiceName } from '../../../src/bus/projection/definition.ts';
import { until } from '../../support/wait.ts';
import type { Fault, FaultRun } from '../fault.ts';
import { createServiceProcess } from '../harness/service-process.ts';

const serviceOf = ({ n }: FaultRun, offset = 0): ServiceName => SERVICES[(n + offset) % SERVICES.length] as ServiceName;

export const fileDeleted: Fault = {
  name: 'file-deleted',
  what: 'SQLite file of a service deleted',
  times: { short: 0, long: 4 },
  inject: async (run) => {
    const { system } = run;
    const name = serviceOf(run);
    await system.services[name].stop();
    removeDatabase(system.fileOf(name));
    await system.services[name].start();
  },
};

export const fileTruncated: Fault = {
  name: 'file-truncated',
  what: 'SQLite file of a service truncated to half its size: the service logs the error and does not start; then the file removed, as the error advises',
  times: { short: 0, long: 4 },
  inject: async (run) => {
    const { system } = run;
    const name = serviceOf(run, 1);
    const service = system.services[name];
    const file = system.fileOf(name);
    await service.stop();
    truncateSync(file, Math.floor(statSync(file).size / 2));
    const before = service.failures.length;
    const starting = service.start();
    await until(() => service.failures.length > before, { within: 30_000 });
    assert.equal(service.failures.at(-1), 'FRESHET_DATA_FOLDER_UNUSABLE');
    // The harness restarts the process again and again meanwhile, so the test does nothing else.
    removeDatabase(file);
    await starting;
  },
};

export const walTruncated: Fault = {
  name: 'wal-truncated',
  what: 'write-ahead log of a killed service truncated to half its size',
  times: { short: 0, long: 4 },
  inject: async (run) => {
    const { system, note } = run;
    const name = serviceOf(run, 2);
    const service = system.services[name];
    await system.load.burst(300);
    await system.folded(system.load.lastSeq);
    await service.kill(true);
    const wal = `${system.fileOf(name)}-wal`;
    if (existsSync(wal)) truncateSync(wal, Math.floor(statSync(wal).size / 2));
    else note('there was none');
    await service.start();
  },
};

export const olderCopy: Fault = {
  name: 'older-copy',
  what: 'SQLite file of a service replaced by an older copy',
  times: { short: 0, long: 4 },
  inject: async (run) => {
    const { system } = run;
    const name = serviceOf(run, 3);
    const service = system.services[name];
    const file = system.fileOf(name);
    await service.stop();
    copyFileSync(file, `${file}.older`);
    await service.start();
    await system.load.burst(run.sized(800));
    await system.folded(system.load.lastSeq);
    await service.stop();
    removeDatabase(file);
    copyFileSync(`${file}.older`, file);
    await service.start();
  },
};

export const newerCopy: Fault = {
  name: 'newer-copy',
  what: 'SQLite file of a service replaced by the newer file of its replica',
  times: { short: 0, long: 4 },
  inject: async (run) => {
    const { system } = run;
    const name = serviceOf(run);
    const service = system.services[name];
    const replica = system.beside(
      createServiceProcess({ name, data: system.data, nats: () => system.url, args: ['--replica', '2'] }),
    );
    await replica.start();
    await until(() => replica.state?.state === 'ready', { within: 60_000 });
    await service.stop();
    await system.load.burst(800);
    await until(() => (replica.state?.seq ?? 0) >= system.load.lastSeq, { within: 60_000 });
    assert.equal((await replica.stop()).code, 0);
    removeDatabase(system.fileOf(name));
    copyFileSync(join(system.data, `${name}-2.sqlite`), system.fileOf(name));
    removeDatabase(join(system.data, `${name}-2.sqlite`));
    await service.start();
  },
};
