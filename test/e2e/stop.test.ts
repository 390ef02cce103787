/** The end of a running system: what was asked is answered, then services go, and the server last. */
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { SECURE_ARGS } from '../support/secure-run.ts';
import { ENTRY, startSystem } from '../support/system.ts';
import { tempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

// Every other suite stops its system by SIGTERM, and expects exit code 0.
it('the system ends at Ctrl-C, which reaches every process of a terminal, with exit code 0, after it has answered the requests in flight', async () => {
  const system = await startSystem({ args: ['--no-demo'], env: { FRESHET_HTTP_DRAIN_MS: '1000' }, terminal: true });
  const statuses = new Set<number>();
  let asked = 0;
  const asking = (async () => {
    // Until nobody is there.
    for (; ; asked++) {
      const answer = await fetch(`${system.http}/v1/users/u1/recommendations?max_age_ms=0`).catch(() => undefined);
      if (answer === undefined) return;
      statuses.add(answer.status);
      await answer.arrayBuffer().catch(() => {});
    }
  })();
  await until(() => asked > 0);
  expect(await system.interrupt()).toBe(0);
  await asking;
  expect([...statuses]).toEqual([200]);
  expect(system.said()).not.toContain('a process ended');
});

it('the system ends with exit code 0 while it is still starting', async () => {
  const args = [ENTRY, 'up', '--no-demo', '--data', tempDir(), '--http-port', '0', '--nats-port', '0', ...SECURE_ARGS];
  const { NATS_URL: _external, ...env } = process.env;
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await until(() => /^nats-server .* from /m.test(said), { within: 90_000 });
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(said).toContain('stopped');
});
