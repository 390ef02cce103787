/** A log that is not the one the state was made from: what is said, where, and that the command that is named mends it. */
import { execFile } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { NatsConnection } from 'nats';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call } from '../../src/bus/nats/micro.ts';
import { createPublisher, type Publisher } from '../../src/bus/nats/publisher.ts';
import type { RunningService } from '../../src/bus/service/description.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { completeConfig } from '../../src/config/load.ts';
import { startEngine } from '../../src/engine/start.ts';
import { startUser } from '../../src/user/start.ts';
import { publishAll, published, registered, viewed } from '../support/events.ts';
import { startNatsServer, type TestNatsServer } from '../support/nats.ts';
import { QUICK_LOOP } from '../support/settings.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

const SETTINGS = {
  projection: QUICK_LOOP,
  engine: { training_content: false },
};
const ENTRY = fileURLToPath(new URL('../../bin/freshet.mjs', import.meta.url));

let server: TestNatsServer;
let data: string;
let nc: NatsConnection;
let publisher: Publisher;
let running: RunningService[] = [];
let said: { code?: string; message?: string; next?: string; service?: string }[] = [];

beforeEach(async () => {
  server = await startNatsServer();
  data = makeTempDir('refused');
  writeFileSync(join(data, 'settings.json'), JSON.stringify(SETTINGS));
  nc = await server.connect();
  publisher = createPublisher(nc);
  await applyStreams(nc);
  said = [];
  const logger = pino(
    { level: 'error' },
    new Writable({
      write: (line, _encoding, done) => {
        said.push(JSON.parse(String(line)));
        done();
      },
    }),
  );
  const config = completeConfig(SETTINGS);
  running = await Promise.all(
    [startUser, startEngine].map((start) => start({ config, natsUrl: server.url, data, healthPort: 0, logger })),
  );
});
afterEach(async () => {
  await Promise.all(running.map((service) => service.stop()));
  await publisher.close();
  await server.stop();
  removeTempDir(data);
});

const publish = (...events: unknown[]): Promise<number> => publishAll(publisher, events);
const folded = (seq: number): Promise<boolean> =>
  until(() => running.every((one) => one.status().seq === seq && one.status().state === 'ready'), { within: 30_000 });
/** All refuse for this reason: a stream that is gone for a moment is another one. */
const refusing = (code: string): Promise<boolean> =>
  until(
    () =>
      running.every((one) => {
        const { state, trouble } = one.status();
        return state === 'refusing' && (trouble as { code?: string } | undefined)?.code === code;
      }),
    { within: 30_000 },
  );
const freshet = (...args: string[]) =>
  promisify(execFile)(process.execPath, [
    ENTRY,
    ...args,
    ...['--data', data, '--config', join(data, 'settings.json'), '--nats', server.url],
  ]);

/** Copies all that the server holds; gives what puts it back. */
async function keepStreams(): Promise<() => Promise<void>> {
  await server.kill();
  const copy = join(data, 'jetstream');
  cpSync(server.dir, copy, { recursive: true });
  await server.restart();
  return async () => {
    await server.kill();
    rmSync(server.dir, { recursive: true });
    cpSync(copy, server.dir, { recursive: true });
    await server.restart();
  };
}

/** What log, readiness and metric of every service say. */
async function expectSaid(code: string, message: RegExp): Promise<void> {
  for (const { service, healthUrl } of running) {
    const next = expect.stringContaining(`freshet replay ${service}`);
    expect(said.find((line) => line.service === service && line.code === code)).toMatchObject({ next });
    const ready = await fetch(`${healthUrl}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toMatch(message);
    const metrics = await (await fetch(`${healthUrl}/metrics`)).text();
    expect(metrics).toMatch(/^freshet_log_refused\{[^}]*\} 1$/m);
    await expect(
      service === 'user' ? call(nc, 'freshet.user.get', { user: 'u1' }) : call(nc, `freshet.${service}.trending`, {}),
    ).rejects.toMatchObject({
      problem: { status: 503, next },
    });
  }
}

/** The command that was named, service by service; then they answer from this log. */
async function mend(last: number): Promise<void> {
  for (const { service } of running) await freshet('replay', service);
  await folded(last);
  for (const { service } of running) {
    const { stdout } = await freshet('verify', service, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ equal: true });
  }
  expect(await call(nc, 'freshet.user.get', { user: 'new' })).toMatchObject({ user: 'new' });
  await expect(call(nc, 'freshet.user.get', { user: 'u1' })).rejects.toMatchObject({ problem: { status: 404 } });
}

const others = () => [published('x'), registered('new'), viewed('new', 'x')];

describe('services on another log', () => {
  it('refuse a re-created log, and the command of the error repairs them', async () => {
    await folded(await publish(published('a'), registered('u1'), viewed('u1', 'a'), viewed('u2', 'a')));
    await (await nc.jetstreamManager()).streams.delete('EVENTS');
    await applyStreams(nc);
    const last = await publish(...others());
    await refusing('FRESHET_LOG_RECREATED');
    await expectSaid('FRESHET_LOG_RECREATED', /was created at [^,]+, and the projection comes from one created at /);
    await mend(last);
  });

  it('refuse a truncated log with new messages, and the command of the error repairs them', async () => {
    await folded(await publish(published('a')));
    const put = await keepStreams();
    await folded(await publish(registered('u1'), viewed('u1', 'a'), viewed('u2', 'a')));
    await put();
    await refusing('FRESHET_LOG_TRUNCATED');
    await expectSaid('FRESHET_LOG_TRUNCATED', /ends at sequence 1, and the projection has folded sequence 4/);
    const last = await publish(...others(), viewed('new', 'a'));
    await refusing('FRESHET_LOG_FORKED');
    await expectSaid(
      'FRESHET_LOG_FORKED',
      /Sequence 4 of EVENTS holds another message than the one that the service folded/,
    );
    await mend(last);
  });
});
