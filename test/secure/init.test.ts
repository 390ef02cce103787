/** `freshet secure init`: the folder that it makes, for a server of one's own. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { connect } from '../../src/bus/nats/connection.ts';
import { makeCertificates } from '../../src/secure/certificates.ts';
import { freePort, startNatsServer } from '../support/nats.ts';
import { ENTRY } from '../support/system.ts';
import { tempDir } from '../support/tempdir.ts';

interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

const secure = (...words: string[]): Promise<Said> =>
  promisify(execFile)(process.execPath, [ENTRY, 'secure', ...words]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Said) => ({ code, stdout, stderr }),
  );

/** All files and folders below a folder, with their modes. */
const modesIn = (folder: string): [path: string, mode: number][] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { mode } = statSync(join(folder, name));
    return [name, mode & 0o777];
  });

it('takes a certificate that is there, and leaves its renewal to its owner', async () => {
  const folder = tempDir('init');
  const made = await makeCertificates({ hosts: ['localhost'], certificateDays: 10, authorityDays: 20 });
  for (const [name, text] of [
    ['cert', made.cert],
    ['key', made.key],
    ['ca', made.ca],
  ] as const)
    writeFileSync(join(folder, `${name}.pem`), text, { mode: 0o600 });
  const [dir, port] = [join(folder, 'bus'), await freePort()];
  const own = ['cert', 'key', 'ca'].flatMap((name) => [`--${name}`, join(folder, `${name}.pem`)]);
  expect((await secure('init', dir, '--listen', `127.0.0.1:${port}`, ...own)).code).toBe(0);
  const server = await startNatsServer({ jetstream: false, dir, port, args: ['-c', join(dir, 'nats-server.conf')] });
  onTestFinished(() => server.stop());
  const access = { credentials: join(dir, 'keys/operator.nk'), ca: join(folder, 'ca.pem') };
  await (await connect({ url: server.url, name: 'test', access })).close();

  // It expires within secure.warn_days.
  const { code, stderr } = await secure('check', '--dir', dir);
  expect([code, stderr]).toEqual([1, expect.stringContaining(`replace ${join(folder, 'cert.pem')}`)]);
  expect(await secure('rotate', 'certificates', '--dir', dir)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Freshet did not make the certificate'),
  });
});

it('lets nobody else read its files, and says no secret', async () => {
  const dir = join(tempDir('init'), 'bus');
  const said = await secure('init', dir, '--app', 'shop', '--json');
  expect(JSON.parse(said.stdout).identities).toContain('app-shop');
  const modes = modesIn(dir);
  expect(modes.length).toBeGreaterThan(12);
  for (const [path, mode] of modes) expect(mode & 0o077, path).toBe(0);
  for (const name of readdirSync(join(dir, 'keys')))
    expect(said.stdout + said.stderr).not.toContain(readFileSync(join(dir, 'keys', name), 'utf8').slice(0, 20));
});

it('overwrites nothing, and makes nothing of what it cannot use', async () => {
  const dir = join(tempDir('init'), 'bus');
  mkdirSync(dir);
  writeFileSync(join(dir, 'keys'), 'mine');
  expect(await secure('init', dir)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('FRESHET_SECURE_FOLDER'),
  });
  expect(readFileSync(join(dir, 'keys'), 'utf8')).toBe('mine');
  const other = join(dir, '..', 'other');
  for (const words of [
    ['--inbox-prefix', 'ev'],
    ['--app', 'Shop!'],
    ['--cert', 'x.pem'],
    ['--app', 'a', '--app', 'a'],
  ])
    expect(await secure('init', other, ...words), words.join(' ')).toMatchObject({ code: 2 });
  expect(readdirSync(join(dir, '..'))).toEqual(['bus']);
  expect(await secure('check', '--dir', other)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`freshet secure init ${other}`),
  });
});

it('moves no files of a server that runs', async () => {
  const storeDir = tempDir('store');
  const server = await startNatsServer({ dir: storeDir });
  onTestFinished(() => server.stop());
  const nc = await server.connect();
  await (await nc.jetstreamManager()).streams.add({ name: 'EVENTS', subjects: ['ev.>'] });
  const dir = join(tempDir('init'), 'bus');
  const words = ['init', dir, '--no-tls', '--store', storeDir, '--listen', `127.0.0.1:${server.port}`];
  expect(await secure(...words)).toMatchObject({ code: 2, stderr: expect.stringContaining('stop nats-server') });
  await nc.close();
  await server.kill();
  expect(await secure(...words)).toMatchObject({ code: 0, stdout: expect.stringContaining('EVENTS') });
});
