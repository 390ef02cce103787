/** `freshet up --secure`: the log of a system without accounts goes on, and each program has an identity of its own. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linked, registered, viewed } from '../support/events.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

interface Status {
  log: { created: string; messages: number };
}

const key = (name: string): string => join(data, 'secure/keys', `${name}.nk`);
const start = (secure: boolean): Promise<TestSystem> => startSystem({ args: ['--no-demo'], data, keep: true, secure });

let data: string;
let system: TestSystem;
let before: Status;

beforeAll(async () => {
  data = makeTempDir('secure');
  const open = await start(false);
  await open.publish([
    registered('u1'),
    viewed('u1', 'i1'),
    viewed('u2', 'i1'),
    viewed('u2', 'i2'),
    linked('u1', 's1'),
  ]);
  before = await open.json<Status>('status');
  await open.stop();
  system = await start(true);
});
afterAll(async () => {
  await system?.stop();
  removeTempDir(data);
});

describe('a secured system', () => {
  it('goes on with the log that was there', async () => {
    expect(system.said()).toContain('Carried over to the account of Freshet: ');
    expect((await system.json<Status>('status')).log).toEqual(before.log);
    const seq = await system.publish([viewed('u1', 'i2')]);
    expect(seq).toBe(before.log.messages + 1);
    expect(await system.ask('user.get', { user: 'u1', min_seq: seq, timeout_ms: 30_000 })).toMatchObject({
      user: 'u1',
    });
  });

  it('lets in nobody without a key', async () => {
    const { nats } = system;
    const stranger = await system.cliRaw('status', '--nats', nats, '--data', join(data, 'elsewhere'));
    expect(stranger).toMatchObject({ code: 1, stderr: expect.stringContaining('FRESHET_NATS_CERTIFICATE') });
    const ca = join(data, 'secure/tls/ca.pem');
    const trusting = await system.cliRaw(
      ...['status', '--nats', nats, '--data', join(data, 'elsewhere')],
      ...['--config', settings(ca)],
    );
    expect(trusting).toMatchObject({ code: 1, stderr: expect.stringContaining('FRESHET_NATS_REFUSED') });
  });

  it('runs the verbs of an identity with its key, and not those of another one', async () => {
    expect((await system.cli('export', 'u2', '--credentials', key('privacy'))).code).toBe(0);
    const refused = await system.cli('export', 'u2', '--credentials', key('monitor'));
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('may not publish to "freshet.user.export"'),
    });
    expect((await system.cli('recommend', 'u2', '--credentials', key('privacy'))).code).toBe(1);
  });

  it('takes an application in while it runs', async () => {
    const dir = join(data, 'secure');
    const { stderr } = await system.cliRaw('secure', 'add-app', 'mail', '--may', 'publish,recommend', '--dir', dir);
    // nats-server is a child of `up`, so the command names its process.
    await promisify(execFile)('sh', ['-c', /^Next: (.*)$/m.exec(stderr)?.[1] as string]);
    await until(async () => (await system.cli('recommend', 'u1', '--credentials', key('app-mail'))).code === 0);
    const status = await system.cli('status', '--credentials', key('app-mail'));
    expect(status).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('FRESHET_NATS_FORBIDDEN'),
    });
    expect(status.stderr).toContain('keys/operator.nk');
  });

  it('keeps its secrets in their files', () => {
    const seeds = readdirSync(join(data, 'secure/keys')).map((name) =>
      readFileSync(join(data, 'secure/keys', name), 'utf8'),
    );
    expect(seeds).toHaveLength(7);
    const texts = [
      system.said(),
      readFileSync(join(data, 'up.json'), 'utf8'),
      ...readdirSync(join(data, 'logs')).map((name) => readFileSync(join(data, 'logs', name), 'utf8')),
      ...readdirSync(data)
        .filter((name) => name.endsWith('.json'))
        .map((name) => readFileSync(join(data, name), 'utf8')),
      ...argumentsOfAll(),
    ];
    for (const seed of seeds) for (const text of texts) expect(text).not.toContain(seed.slice(0, 20));
  });
});

describe('a secured data folder', () => {
  it('stays secured, also without --secure', async () => {
    await system.stop();
    system = await start(false);
    expect(system.said()).toContain('The data folder is secured');
    expect((await system.json<Status>('status')).log.created).toBe(before.log.created);
  });

  it('does not start without its identities, because its log would look empty', async () => {
    await system.stop();
    renameSync(join(data, 'secure'), join(data, 'kept'));
    const failed = await start(false).then(
      () => undefined,
      (err: Error) => err.message,
    );
    renameSync(join(data, 'kept'), join(data, 'secure'));
    expect(failed).toContain('FRESHET_LOG_HIDDEN');
    for (const account of ['$G', 'FRESHET']) expect(failed).toContain(join('nats/jetstream', account));
    system = await start(true);
  });
});

function settings(ca: string): string {
  const file = join(data, 'trusting.config.json');
  writeFileSync(file, JSON.stringify({ nats: { ca } }));
  return file;
}

/** The arguments of all processes, where the system shows them. */
const argumentsOfAll = (): string[] =>
  process.platform !== 'linux'
    ? []
    : readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map((pid) => {
          try {
            return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
          } catch {
            return '';
          }
        });
