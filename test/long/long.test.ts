/** The long suites from the command line, as a developer runs them. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/setup.mjs';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

const long = (...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['--import', TSX, 'test/long/main.ts', ...words], { cwd: ROOT }, (err, stdout, stderr) =>
      resolve({ code: err ? Number(err.code ?? 1) : 0, stdout, stderr }),
    );
  });

describe('npm run test:long', () => {
  it('lists the suites without a name, and for a name that no suite has', async () => {
    for (const words of [[], ['nonsense']]) {
      const { code, stderr } = await long(...words);
      expect(code).toBe(1);
      for (const name of ['faults', 'simulate', 'properties', 'state-hash']) expect(stderr).toContain(`  ${name} `);
    }
    expect((await long('nonsense')).stderr).toContain("unknown command 'nonsense'");
  });

  it('runs a suite, and says what it ran', async () => {
    const { code, stdout } = await long('simulate', '--seed', '3', '--runs', '2');
    expect(stdout).toMatch(/^2 runs, \d+ messages, \d+ deaths, 0 failed, \d+ s$/m);
    expect(code).toBe(0);
  });

  it('refuses a fault that it does not know', async () => {
    const { code, stderr } = await long('faults', '--only', 'nonsense');
    expect(stderr).toContain('No fault is named nonsense. --list names all of them.');
    expect(code).toBe(2);
  });
});
