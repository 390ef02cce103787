#!/usr/bin/env node
/**
 * `npm test`: set-up, all suites, and as the very last line the runner's own count. Further arguments go to vitest.
 * Servers' and services' files lie in memory where there is plenty of it: a shared disk that stands still for seconds
 * fails tests of things that are right. TMPDIR, where it is set, says where instead.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
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

const MEMORY = '/dev/shm';
/** Bytes that have to be free there; a run takes some hundred million. */
const LEAST_FREE = 4 * 2 ** 30;

/** The folder below which tests make theirs. */
export const testFolder = (env = process.env, memory = MEMORY, leastFree = LEAST_FREE) => {
  if (env.TMPDIR) return env.TMPDIR;
  try {
    const { bavail, bsize } = statfsSync(memory);
    accessSync(memory, constants.W_OK);
    if (bavail * bsize >= leastFree) return memory;
  } catch {
    // No such thing here.
  }
  return tmpdir();
};

const main = async () => {
  await ensureSetup({ natsServer: true });
  const folder = mkdtempSync(join(testFolder(), 'freshet-test-'));
  try {
    const report = join(folder, 'report.json');
    const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const code = await new Promise((resolve, reject) => {
      const child = spawn(
        process.execPath,
        [join(ROOT, 'node_modules/vitest/vitest.mjs'), ...args, ...process.argv.slice(2)],
        { cwd: ROOT, stdio: 'inherit', env: { ...process.env, TMPDIR: folder } },
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
