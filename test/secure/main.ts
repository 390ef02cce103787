/**
 * `npm run test:secure`: the tests of whole systems (`test/e2e`) on a nats-server on which accounts separate identities.
 * NATS_SERVER_BIN names the server. Arguments name files, such as `forget`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { locateNatsServer } from '../../scripts/setup/nats-server.mjs';
import { ensureSetup, ROOT } from '../../scripts/setup.mjs';
import { countLine, countTests, runVitest, testFolder } from '../../scripts/test.mjs';

/** Files of `test/e2e` that start no secured bus, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'python.test.ts':
    'starts a gateway alone on a server of its own, and tests what Python clients send, not their identity',
  'bench-forget.test.ts': 'tests a benchmark, which starts a server of its own',
};

async function main(names: readonly string[]): Promise<number> {
  await ensureSetup({ natsServer: true });
  const found = await locateNatsServer();
  if (!('path' in found)) throw new Error('NATS_URL names an external server; unset it');
  const folder = mkdtempSync(join(testFolder(), 'freshet-secure-'));
  try {
    const report = join(folder, 'report.json');
    const files = readdirSync(join(ROOT, 'test/e2e'))
      .filter((file) => /(?<!\.long)\.test\.ts$/.test(file) && !Object.hasOwn(LEFT_OUT, file))
      .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
      .map((file) => `test/e2e/${file}`);
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const code = await runVitest([...files, ...reporters], { TMPDIR: folder, FRESHET_TEST_SECURE: '1' });
    const counts = countTests(JSON.parse(readFileSync(report, 'utf8')));
    for (const line of counts.broken) console.log(`failed outside of a test: ${line}`);
    for (const [file, reason] of Object.entries(LEFT_OUT)) console.log(`left out: ${file}: it ${reason}`);
    if (counts.skipped > 0) console.log(`${counts.skipped} skipped; the output above gives the reason of each`);
    console.log(`nats-server ${found.version}, with accounts: ${countLine(counts)}`);
    return code === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
