import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NatsServerUnavailableError } from '../errors.ts';
import { type DoctorReport, renderDoctor, runDoctor } from './doctor.ts';
import { installTensorflow } from './install.ts';
import { locateNatsServer } from './nats-server.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freshet-doctor-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** An environment in which no tool is found. */
const bare = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: join(folder, 'bin'),
  HOME: folder,
  FRESHET_CACHE: join(folder, 'cache'),
  ...more,
});

const doctor = (env: NodeJS.ProcessEnv): Promise<DoctorReport> => runDoctor({ env, data: join(folder, 'data') });
const named = (report: DoctorReport, name: string) => report.checks.find((check) => check.name === name);

const stub = (name: string, text: string): string => {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const path = join(folder, 'bin', name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
};

describe.skipIf(process.platform === 'win32')('the doctor', () => {
  it('reports for everything that is missing its cost and how to get it', async () => {
    const report = await doctor(bare());
    expect(report.ok).toBe(false);
    for (const check of report.checks) {
      if (check.state === 'ok') expect(check.found, check.name).toBeTruthy();
      else expect([check.cost, check.next], check.name).not.toContain(undefined);
    }
    for (const name of ['npm', 'nats-server', 'nats CLI', 'Python with pip', 'Go', 'C++ compiler'])
      expect(named(report, name)?.state, name).toBe('missing');
    for (const name of ['Node', 'better-sqlite3', 'TensorFlow WASM', 'data folder', 'cache'])
      expect(named(report, name)?.state, name).toBe('ok');
  });

  it('succeeds without optional parts', async () => {
    const path = stub('nats-server', 'echo "nats-server: v2.15.2"');
    const report = await doctor(bare());
    expect(report.ok).toBe(true);
    expect(named(report, 'nats-server')?.found).toBe(`2.15.2 from PATH, ${path}`);
    expect(renderDoctor(report)).toContain('Freshet runs. The missing components above are optional.');
  });

  it('checks whether the server of NATS_URL answers, and prints no password', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const url = `nats://me:secret@127.0.0.1:${port}`;
    expect(named(await doctor(bare({ NATS_URL: url })), 'NATS_URL')?.state).toBe('ok');
    await new Promise((resolve) => server.close(resolve));
    const report = await doctor(bare({ NATS_URL: url }));
    expect(report.ok).toBe(false);
    expect(named(report, 'NATS_URL')).toMatchObject({
      state: 'missing',
      found: expect.stringContaining('does not answer'),
    });
    expect(JSON.stringify(report)).not.toContain('secret');
  });

  it('renders aligned lines, with two more under what is missing', () => {
    const text = renderDoctor({
      ok: true,
      checks: [
        { name: 'Node', state: 'ok', found: 'v20' },
        { name: 'nats CLI', state: 'missing', cost: 'no tour', next: 'go install it' },
      ],
    });
    expect(text.split('\n')).toEqual([
      'ok        Node         v20',
      'missing   nats CLI',
      '            effect     no tour',
      '            to get it  go install it',
      '',
      'Freshet runs. The missing components above are optional.',
    ]);
  });
});

describe('the set-up as the running system sees it', () => {
  it('reports a missing nats-server as a Freshet error with the next step', async () => {
    const failure = await locateNatsServer({ env: bare(), allowDownload: false }).catch((err: unknown) => err);
    expect(failure).toBeInstanceOf(NatsServerUnavailableError);
    expect(failure).toMatchObject({ next: expect.stringContaining('NATS_SERVER_BIN') });
  });

  it.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'names the missing compiler when native TensorFlow cannot be built',
    async () => {
      const root = join(folder, 'clone');
      const target = join(root, 'node_modules/@tensorflow/tfjs-node');
      mkdirSync(target, { recursive: true });
      writeFileSync(join(target, 'package.json'), '{"version":"4.22.0"}');
      await expect(installTensorflow(() => {}, { root, env: bare() })).rejects.toMatchObject({
        code: 'FRESHET_SETUP_TENSORFLOW',
        next: expect.stringContaining('apt-get install -y g++'),
      });
      stub('g++', 'exit 0');
      await expect(installTensorflow(() => {}, { root, env: bare() })).rejects.toMatchObject({
        code: 'FRESHET_SETUP_TENSORFLOW',
        message: expect.stringContaining('no python3 on PATH'),
        next: expect.stringContaining('python3-pip'),
      });
    },
  );
});
