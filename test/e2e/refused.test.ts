/** A log that is not the one the state was made from: what is said, where, and that the command that is named mends it. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { published, registered, viewed } from '../support/events.ts';
import { useServices } from '../support/services.ts';
import { until } from '../support/wait.ts';

const services = useServices('refused', { settings: { engine: { training_content: false } } });
const { start, publish, caughtUp, ask, runFreshet } = services;
beforeEach(async () => {
  await Promise.all([start('user'), start('engine')]);
});

/** All refuse for this reason: a stream that is gone for a moment is another one. */
const refusing = (code: string): Promise<boolean> =>
  until(
    () =>
      services.running.every((one) => {
        const { state, trouble } = one.status();
        return state === 'refusing' && (trouble as { code?: string } | undefined)?.code === code;
      }),
    { within: 30_000 },
  );

/** Copies all that the server holds; gives what puts it back. */
async function keepStreams(): Promise<() => Promise<void>> {
  await services.server.kill();
  const copy = join(services.data, 'jetstream');
  cpSync(services.server.dir, copy, { recursive: true });
  await services.server.restart();
  return async () => {
    await services.server.kill();
    rmSync(services.server.dir, { recursive: true });
    cpSync(copy, services.server.dir, { recursive: true });
    await services.server.restart();
  };
}

/** What log, readiness and metric of every service say. */
async function expectSaid(code: string, message: RegExp): Promise<void> {
  for (const { service, healthUrl } of services.running) {
    const next = expect.stringContaining(`freshet replay ${service}`);
    expect(services.logged.find((line) => line.service === service && line.code === code)).toMatchObject({ next });
    const ready = await fetch(`${healthUrl}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toMatch(message);
    const metrics = await (await fetch(`${healthUrl}/metrics`)).text();
    expect(metrics).toMatch(/^freshet_log_refused\{[^}]*\} 1$/m);
    await expect(
      service === 'user' ? ask('user.get', { user: 'u1' }) : ask(`${service}.trending`),
    ).rejects.toMatchObject({
      problem: { status: 503, next },
    });
  }
}

/** The command that was named, service by service; then they answer from this log. */
async function mend(last: number): Promise<void> {
  for (const { service } of services.running) await runFreshet('replay', service);
  await caughtUp(last);
  for (const { service } of services.running) {
    const { stdout } = await runFreshet('verify', service, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ equal: true });
  }
  expect(await ask('user.get', { user: 'new' })).toMatchObject({ user: 'new' });
  await expect(ask('user.get', { user: 'u1' })).rejects.toMatchObject({ problem: { status: 404 } });
}

const others = () => [published('x'), registered('new'), viewed('new', 'x')];

describe('services on another log', () => {
  it('refuse a re-created log, and the command of the error repairs them', async () => {
    await caughtUp(await publish(published('a'), registered('u1'), viewed('u1', 'a'), viewed('u2', 'a')));
    await (await services.nc.jetstreamManager()).streams.delete('EVENTS');
    await applyStreams(services.nc);
    const last = await publish(...others());
    await refusing('FRESHET_LOG_RECREATED');
    await expectSaid('FRESHET_LOG_RECREATED', /was created at [^,]+, and the projection comes from one created at /);
    await mend(last);
  });

  it('refuse a truncated log with new messages, and the command of the error repairs them', async () => {
    await caughtUp(await publish(published('a')));
    const put = await keepStreams();
    await caughtUp(await publish(registered('u1'), viewed('u1', 'a'), viewed('u2', 'a')));
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
