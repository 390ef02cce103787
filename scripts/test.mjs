#!/usr/bin/env node
/**
 * `npm test`: runs the set-up and all suites, and prints the count of tests on the last line. It passes other arguments
 * to vitest. The files of servers and services go to memory if there is enough, because a shared disk that stops for
 * seconds fails correct tests. TMPDIR names another folder.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureSetup, isMain, ROOT, reportFailure } from './setup.mjs';

/**
 * Counts the tests in vitest's JSON report. A file that vitest could not load counts as one failed test, because none of
 * its tests ran and the report does not show that otherwise.
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
/** Free bytes that it needs there. A run takes some hundred million. */
const LEAST_FREE = 4 * 2 ** 30;

/** The parent of the folders of tests. */
export const testFolder = (env = process.env, memory = MEMORY, leastFree = LEAST_FREE) => {
  if (env.TMPDIR) return env.TMPDIR;
  try {
    const { bavail, bsize } = statfsSync(memory);
    accessSync(memory, constants.W_OK);
    if (bavail * bsize >= leastFree) return memory;
  } catch {
    // This system has no such folder.
  }
  return tmpdir();
};

/**
 * Runs vitest on the tests of the clone, and passes its output through. Resolves with its exit code.
 *
 * @param {readonly string[]} args after `run`
 * @param {Record<string, string>} env variables besides those of this process
 * @returns {Promise<number>}
 */
export const runVitest = (args, env) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...args], {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });

const main = async () => {
  await ensureSetup({ natsServer: true });
  const folder = mkdtempSync(join(testFolder(), 'freshet-test-'));
  try {
    const report = join(folder, 'report.json');
    const args = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)];
    const code = await runVitest(args, { TMPDIR: folder });
    let counts = { passed: 0, failed: 1, skipped: 0, broken: ['vitest wrote no report'] };
    try {
      counts = countTests(JSON.parse(readFileSync(report, 'utf8')));
    } catch {
      // vitest failed. Its output is above.
    }
    if (counts.passed + counts.failed === 0) {
      counts.failed++;
      counts.broken.push('vitest ran no test');
    }
    if (code !== 0 && counts.failed === 0) {
      counts.failed++;
      counts.broken.push(`vitest ended with exit code ${code} because of an error outside of any test, see above`);
    }
    for (const line of counts.broken) console.log(`failed outside of a test: ${line}`);
    if (counts.skipped > 0) console.log(`${counts.skipped} skipped; the output above gives the reason of each`);
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
