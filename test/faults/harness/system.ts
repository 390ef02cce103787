/** A whole system for faults: nats-server and the four services as processes, and a load with its acknowledgements. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { connect } from '../../../src/bus/nats/connection.ts';
import { createPublisher, type Publisher } from '../../../src/bus/nats/publisher.ts';
import { SERVICES, type ServiceName } from '../../../src/bus/projection/definition.ts';
import { applyStreams } from '../../../src/bus/streams/plan.ts';
import { ENTRY } from '../../../src/entry.ts';
import { makeTempDir, removeTempDir } from '../../support/folder.ts';
import { startNatsServer, type TestNatsServer } from '../../support/nats.ts';
import { startProxy, type TcpProxy } from '../../support/proxy.ts';
import { until } from '../../support/wait.ts';
import { type SmallDisk, smallDisk } from './disk.ts';
import { createLoad, type Load } from './load.ts';
import { compare, reckon } from './oracle.ts';
import { createServiceProcess, type ServiceProcess } from './service-process.ts';

export interface FaultSystemOptions {
  /** Services reach the server through a proxy that can cut connections. */
  proxied?: boolean;
  /** A disk of this many megabytes for the projections, or for the streams. */
  disk?: { under: 'projections' | 'streams'; megabytes: number };
  /** Further settings, as environment variables. */
  env?: NodeJS.ProcessEnv;
  /** The server requires a user: services connect as `service`, and the test as `outside`. */
  passwords?: boolean;
}

export interface Checked {
  acknowledged: number;
  lost: number;
  doubled: number;
  wrong: string[];
}

export interface FaultSystem {
  readonly server: TestNatsServer;
  readonly proxy: TcpProxy | undefined;
  readonly disk: SmallDisk | undefined;
  readonly data: string;
  /** Address of the server for the test. */
  readonly url: string;
  readonly services: Readonly<Record<ServiceName, ServiceProcess>>;
  readonly load: Load;
  readonly nc: NatsConnection;
  /** The publisher of the load. */
  readonly publisher: Publisher;
  /** Sets the password that the server accepts from services, if it requires one. */
  servicePassword(password: string): void;
  /** File of a service's projection. */
  fileOf(service: string): string;
  /** Newest sequence of the log. */
  lastSeq(): Promise<number>;
  /** Resolves when every service, or each of these, is ready and has folded the log up to this sequence. */
  folded(seq: number, services?: readonly ServiceName[], within?: number): Promise<void>;
  /** Publishes an event, and resolves when all services have folded it. */
  recovered(): Promise<void>;
  /** Ends the load and compares rows and checkpoints with the acknowledged events. */
  compared(): Promise<Checked>;
  /** Differences between hash(live) and hash(rebuilt) of all services; empty if they are equal at the end of the log. */
  verified(only?: ServiceName): Promise<string[]>;
  cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  /** Starts one more service, which ends with the system. */
  beside(process: ServiceProcess): ServiceProcess;
  stop(): Promise<void>;
}

/** Milliseconds after which a recovery counts as failed: many times the longest measured recovery. */
const RECOVERY_MS = 120_000;

/** Password of all users, if the server requires one. */
export const PASSWORD = 'open-sesame';

/** These tests do not cover trainings, which take seconds. */
const SETTINGS = { FRESHET_ENGINE_TRAINING_CONTENT: 'false', FRESHET_ERASURE_SERVER_INDEX_MS: '0' };

export async function startFaultSystem(options: FaultSystemOptions = {}, seed = 1): Promise<FaultSystem> {
  const folder = makeTempDir('faults');
  const disk = options.disk && smallDisk(options.disk.megabytes);
  const data = options.disk?.under === 'projections' ? (disk as SmallDisk).folder : join(folder, 'data');
  const settings = join(folder, 'nats-server.conf');
  const writeSettings = (password: string): void =>
    writeFileSync(
      settings,
      `authorization { users: [ { user: outside, password: "${PASSWORD}" }, { user: service, password: "${password}" } ] }\n`,
    );
  writeSettings(PASSWORD);
  const server = await startNatsServer({
    dir: options.disk?.under === 'streams' ? join((disk as SmallDisk).folder, 'nats') : join(folder, 'nats'),
    args: options.passwords ? ['-c', settings] : [],
  });
  const address = (user: string, port: number): string =>
    `nats://${options.passwords ? `${user}:${PASSWORD}@` : ''}127.0.0.1:${port}`;
  const url = address('outside', server.port);
  const proxy = options.proxied ? await startProxy(server.port) : undefined;
  const serviceUrl = address('service', proxy?.port ?? server.port);
  const nc = await connect({ url, name: 'faults', reconnectMs: 50 });
  await applyStreams(nc);
  // The publisher waits for the end of an outage of any length: an event without acknowledgement would prove nothing.
  const publisher: Publisher = createPublisher(nc, { timeoutMs: 1_000, retries: 300 });
  const load = createLoad(publisher, seed);
  const env = { ...SETTINGS, ...options.env };
  const make = (name: ServiceName): ServiceProcess => createServiceProcess({ name, data, nats: () => serviceUrl, env });
  const services: Record<ServiceName, ServiceProcess> = {
    user: make('user'),
    content: make('content'),
    feedback: make('feedback'),
    engine: make('engine'),
  };
  const extra: ServiceProcess[] = [];
  const names: readonly ServiceName[] = SERVICES;
  await Promise.all(names.map((name) => services[name].start()));

  const describeServices = (): string =>
    names.map((name) => `${name} ${JSON.stringify(services[name].state ?? services[name].said.slice(-3))}`).join('; ');

  async function folded(seq: number, which: readonly ServiceName[] = names, within = RECOVERY_MS): Promise<void> {
    const there = (): boolean =>
      which.every((name) => {
        const { state } = services[name];
        return state !== undefined && state.state === 'ready' && state.seq >= seq;
      });
    await until(there, { within }).catch((cause: unknown) => {
      throw new Error(`not folded up to ${seq}: ${describeServices()}`, { cause });
    });
  }

  /** Asks again if the server dies before it answers. */
  const logState = async () =>
    until(async () => (await (await nc.jetstreamManager({ checkAPI: false })).streams.info('EVENTS')).state, {
      within: 60_000,
    });
  const lastSeq = async (): Promise<number> => (await logState()).last_seq;

  const cli = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const { NATS_URL: _external, FRESHET_CONFIG: _settings, ...rest } = process.env;
      execFile(
        process.execPath,
        [ENTRY, ...args, '--data', data, '--nats', url],
        { env: { ...rest, ...env }, timeout: RECOVERY_MS, maxBuffer: 1 << 26 },
        (err, stdout, stderr) => resolve({ code: err ? Number(err.code ?? 1) : 0, stdout, stderr }),
      );
    });

  await load.burst(200);
  await folded(load.lastSeq);

  return {
    server,
    proxy,
    disk,
    data,
    url,
    services,
    load,
    nc,
    publisher,
    servicePassword: (password) => {
      writeSettings(password);
      if (server.pid !== undefined) process.kill(server.pid, 'SIGHUP');
    },
    fileOf: (service) => join(data, `${service}.sqlite`),
    lastSeq,
    folded,
    cli,
    recovered: async () => {
      await load.burst(1);
      await folded(load.lastSeq);
    },
    compared: async () => {
      await load.pause();
      const wrong: string[] = [];
      const last = await lastSeq();
      await folded(last);
      const state = await logState();
      if (state.messages !== load.acknowledged.size + load.others)
        wrong.push(
          `the log holds ${state.messages} messages, where ${load.acknowledged.size} events were acknowledged and ${load.others} others put there`,
        );
      const { lost, doubled, differences, checkpoints } = compare(reckon(load.acknowledged), data);
      wrong.push(...differences);
      for (const [service, seq] of Object.entries(checkpoints))
        if (seq !== last) wrong.push(`the checkpoint of ${service} is at ${seq}, the log at ${last}`);
      return { acknowledged: load.acknowledged.size, lost, doubled, wrong };
    },
    verified: async (only) => {
      const last = await lastSeq();
      await folded(last);
      const { code, stdout, stderr } = await cli('verify', ...(only ? [only] : []), '--json');
      if (code !== 0) return [`verify: ${stdout.trim()} ${stderr.trim()}`];
      const { equal, services: verdicts } = JSON.parse(stdout) as { equal: boolean; services: { seq: number }[] };
      assert.equal(verdicts.length, only ? 1 : SERVICES.length);
      if (!equal) return [`hash(live) and hash(rebuilt) differ: ${stdout.trim()}`];
      return verdicts
        .filter(({ seq }) => seq < last)
        .map(({ seq }) => `verify compared at ${seq} only, the log is at ${last}`);
    },
    beside: (process) => {
      extra.push(process);
      return process;
    },
    stop: async () => {
      await load.pause().catch(() => {});
      await Promise.all([...extra, ...Object.values(services)].map((one) => one.stop()));
      await nc.close();
      await proxy?.close();
      await server.stop();
      disk?.release();
      removeTempDir(folder);
    },
  };
}
