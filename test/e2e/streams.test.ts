/** What the command line says of streams that somebody changed or deleted on the server of a running system. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { JetStreamManager, NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { ENTRY, startSystem, type TestSystem } from '../support/system.ts';
import { tempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

let system: TestSystem;
let nc: NatsConnection;
let jsm: JetStreamManager;

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'], env: { FRESHET_STREAMS_LOOK_MS: '100' } });
  nc = await system.connect();
  jsm = await nc.jetstreamManager();
});
afterAll(async () => {
  await nc?.close();
  await system?.stop();
});

interface Status {
  missing: { name: string; code: string; next: string }[];
}

it('status names what is gone, with code and next step, until an operator has made it again', async () => {
  expect(await system.json<Status>('status')).toMatchObject({ missing: [] });
  await jsm.streams.delete('KV_keys');
  expect(await system.json<Status>('status')).toMatchObject({
    missing: [{ kind: 'kv', name: 'keys', code: 'FRESHET_STREAM_MISSING', made_again: false }],
  });
  const { stderr } = await system.cli('status');
  expect(stderr).toMatch(
    /^FRESHET_STREAM_MISSING: The nats-server does not have the KV bucket keys\. .*\nNext: .*streams apply/m,
  );
  expect((await system.cli('streams', 'apply')).code).toBe(0);
  expect(await system.json<Status>('status')).toMatchObject({ missing: [] });
  // The engine was faster than anybody could ask.
  await jsm.streams.delete('KV_rankings');
  await until(async () => (await system.json<Status>('status')).missing.length === 0);
});

it('streams diff shows what differs, apart from what an operator may choose', async () => {
  const { config } = await jsm.streams.info('EVENTS');
  const update = async (change: object): Promise<void> => {
    const answer = await nc.request('$JS.API.STREAM.UPDATE.EVENTS', JSON.stringify({ ...config, ...change }));
    expect(answer.json<{ error?: object }>().error).toBeUndefined();
  };
  await update({ max_msg_size: 1_000_000, discard: 'old', allow_rollup_hdrs: true });
  const differs = await system.cli('streams', 'diff');
  expect(differs.code).toBe(1);
  expect(differs.stderr).toContain('EVENTS: max_msg_size is 1000000 on the server and -1 in streams.config.ts');
  expect(differs.stderr).toMatch(
    /EVENTS: allow_rollup_hdrs is true .*; as it is, a publisher can remove all earlier messages/,
  );
  expect(differs.stderr).toContain('Next: freshet streams apply');
  expect((await system.cli('streams', 'apply')).code).toBe(0);
  expect((await system.cli('streams', 'diff')).code).toBe(0);

  await update({ compression: 's2' });
  if ((await jsm.streams.info('EVENTS')).config.compression === undefined) return;
  const chosen = await system.cli('streams', 'diff');
  expect(chosen.code).toBe(0);
  expect(chosen.stderr).toContain(
    'EVENTS: compression is "s2" on the server and "none" in streams.config.ts; the operator\'s choice',
  );
});

it('up waits for what only an operator makes again, says so, and is ready once it is there', async () => {
  const data = tempDir('up-without-keys');
  const first = await startSystem({ args: ['--no-demo'], data, keep: true });
  const other = await first.connect();
  await (await other.jetstreamManager()).streams.delete('KV_keys');
  await other.close();
  await first.stop();

  const args = ['up', '--no-demo', '--json', '--data', data, '--http-port', '0', '--nats-port', '0'];
  const child = spawn(process.execPath, [ENTRY, ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let [out, said] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (out += text));
  child.stderr.on('data', (text: Buffer) => (said += text));
  await until(() => said.includes('gateway: FRESHET_NATS_UNREACHABLE'), { within: 30_000 });
  expect(said).toContain('does not have the KV bucket keys');
  expect(out).toBe('');
  await promisify(execFile)(process.execPath, [ENTRY, 'streams', 'apply', '--data', data]);
  await until(() => out.includes('"ready":true'), { within: 30_000 });
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
