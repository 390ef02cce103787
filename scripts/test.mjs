#!/usr/bin/env node
/**
 * `npm test`: set-up, all suites, and as the very last line the runner's own count. Further arguments go to vitest.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureSetup, isMain, ROOT, reportFailure } from './setup.mjs';

/**
 * What vitest's JSON report says, in tests. A file that could not be loaded counts as one failed test: none of its
 * tests ran, and nothing else in the report would say so.
 *
 * @param {{ testResults: { name: string, status: string, message?: string, assertionResults: { status: string }[] }[] }} report
 */
export const countTests = (report) => {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  /** @type {string[]} */
  const broken = [];
  for (const file of report.testResults) {
    let failedHere = 0;
    for (const { status } of file.assertionResults) {
      if (status === 'passed') counts.passed++;
      else if (status === 'failed') failedHere++;
      else counts.skipped++;
    }
    counts.failed += failedHere;
    if (file.status === 'failed' && failedHere === 0) {
      counts.failed++;
      broken.push(`${file.name}: ${(file.message ?? 'failed outside of its tests').split('\n')[0]}`);
    }
  }
  return { ...counts, broken };
};

/** @param {{ passed: number, failed: number }} counts */
export const countLine = ({ passed, failed }) => `${passed} passed, ${failed} failed`;

const main = async () => {
  await ensureSetup({ natsServer: true });
  const folder = mkdtempSync(join(tmpdir(), 'freshet-test-'));
  try {
    const report = join(folder, 'report.json');
    const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const code = await new Promise((resolve, reject) => {
      const child = spawn(
        process.execPath,
        [join(ROOT, 'node_modules/vitest/vitest.mjs'), ...args, ...process.argv.slice(2)],
        { cwd: ROOT, stdio: 'inherit' },
      );
      child.on('error', reject);
      child.on('close', resolve);
    });
    let counts = { passed: 0, failed: 1, skipped: 0, broken: ['vitest left no report'] };
    try {
      counts = countTests(JSON.parse(readFileSync(report, 'utf8')));
    } catch {
      // vitest itself broke; its output is above.
    }
    if (counts.passed + counts.failed === 0) {
      counts.failed++;
      counts.broken.push('no test ran');
    }
    if (code !== 0 && counts.failed === 0) {
      counts.failed++;
      counts.broken.push(`vitest ended with exit code ${code}: an error outside of any test, see above`);
    }
    for (const line of counts.broken) console.log(`not counted as tests, but failed: ${line}`);
    if (counts.skipped > 0) console.log(`${counts.skipped} skipped: why stands beside each of them above`);
    console.log(countLine(counts));
    return counts.failed === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

if (isMain(import.meta.url)) {
  try {
    process.exitCode = await main();
  } catch (err) {
    process.exitCode = reportFailure(err);
  }
}
