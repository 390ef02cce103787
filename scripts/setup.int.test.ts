import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkSqlite, packagesCurrent } from './setup/packages.mjs';
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
    const { mkdirSync } = await import('node:fs');
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
