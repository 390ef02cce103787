import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkSqlite, packagesCurrent, useOwnHeaders } from './setup/packages.mjs';
import { ensureSetup, exclusively, ROOT } from './setup.mjs';
import { countLine, countTests, testFolder } from './test.mjs';

const start = promisify(execFile);

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freshet-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the set-up', () => {
  it('leaves a clone that is current, and has nothing to do the second time', async () => {
    await ensureSetup({ quiet: true });
    expect(packagesCurrent(ROOT)).toBe(true);
    expect(await checkSqlite(ROOT)).toMatchObject({ version: expect.any(String), sqlite: expect.any(String) });
    const { stdout, stderr } = await start(process.execPath, [
      '-e',
      `import(${JSON.stringify(join(ROOT, 'scripts/setup.mjs'))}).then(({ ensureSetup }) => ensureSetup())`,
    ]);
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
  });

  it('sees that packages are missing', () => {
    writeFileSync(join(folder, 'package-lock.json'), '{}');
    expect(packagesCurrent(folder)).toBe(false);
  });

  it('lets one process at a time into a clone', async () => {
    const order: string[] = [];
    const lines: string[] = [];
    let enter = () => {};
    const entered = new Promise<void>((resolve) => {
      enter = resolve;
    });
    let leave = () => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const first = exclusively(
      folder,
      () => {},
      async () => {
        order.push('first in');
        enter();
        await left;
        order.push('first out');
      },
    );
    await entered;
    const second = exclusively(
      folder,
      (line) => {
        lines.push(line);
        leave();
      },
      async () => {
        order.push('second in');
      },
    );
    await Promise.all([first, second]);
    expect(order).toEqual(['first in', 'first out', 'second in']);
    expect(lines).toEqual([expect.stringContaining(`process ${process.pid}`)]);
  });

  it('takes over the lock of a process that died', async () => {
    const { stdout } = await start(process.execPath, ['-p', 'process.pid']);
    mkdirSync(join(folder, '.cache'));
    writeFileSync(join(folder, '.cache/setup.lock'), stdout.trim());
    expect(
      await exclusively(
        folder,
        () => {},
        async () => 'in',
      ),
    ).toBe('in');
  });
});

describe('compiling', () => {
  /** A folder with the headers of a release, as far as the set-up reads them. */
  function headersOf(release: string): string {
    const [major, minor, patch] = release.split('.');
    mkdirSync(join(folder, 'include/node'), { recursive: true });
    const text = `#define NODE_MAJOR_VERSION ${major}\n#define NODE_MINOR_VERSION ${minor}\n#define NODE_PATCH_VERSION ${patch}\n`;
    writeFileSync(join(folder, 'include/node/node_version.h'), text);
    return folder;
  }

  it('uses the headers that the user names, if they are of this Node', () => {
    const env = { npm_config_nodedir: headersOf(process.versions.node) };
    const lines: string[] = [];
    useOwnHeaders(env, (line) => lines.push(line));
    expect(env.npm_config_nodedir).toBe(folder);
    expect(lines).toEqual([]);
  });

  it('leaves out headers of another Node, and says which', () => {
    const env: NodeJS.ProcessEnv = { npm_config_nodedir: headersOf('18.2.1') };
    const lines: string[] = [];
    useOwnHeaders(env, (line) => lines.push(line));
    expect(env.npm_config_nodedir).not.toBe(folder);
    expect(lines).toEqual([expect.stringContaining(`${folder}, which has headers of Node 18.2.1`)]);
  });
});

describe('the bundle', () => {
  it('is read as modules by releases of Node that go by the name of a file', async () => {
    const command = [join(ROOT, 'bin/freshet.mjs'), '--version'];
    const { stdout } = await start(process.execPath, ['--no-experimental-detect-module', ...command]);
    expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe('the count of tests', () => {
  const file = (status: string, ...tests: string[]) => ({
    name: 'a.test.ts',
    status,
    message: 'Error: cannot find module',
    assertionResults: tests.map((test) => ({ status: test })),
  });

  it('counts tests and not files', () => {
    const counts = countTests({
      testResults: [file('passed', 'passed', 'passed'), file('passed', 'passed', 'pending')],
    });
    expect(counts).toEqual({ passed: 3, failed: 0, skipped: 1, broken: [] });
    expect(countLine(counts)).toBe('3 passed, 0 failed');
  });

  it('counts a file that could not be loaded as a failure', () => {
    const counts = countTests({ testResults: [file('failed'), file('failed', 'failed', 'passed')] });
    expect(counts).toMatchObject({ passed: 1, failed: 2, skipped: 0 });
    expect(counts.broken).toEqual(['a.test.ts: Error: cannot find module']);
    expect(countLine(counts)).toBe('1 passed, 2 failed');
  });
});

describe('the folder of what tests make', () => {
  it('is in memory where that has room, else the system’s, and always the one that is named', () => {
    expect(testFolder({}, folder, 0)).toBe(folder);
    expect(testFolder({}, folder, Number.POSITIVE_INFINITY)).toBe(tmpdir());
    expect(testFolder({}, join(folder, 'none'), 0)).toBe(tmpdir());
    expect(testFolder({ TMPDIR: '/named' }, folder, 0)).toBe('/named');
  });
});
