#!/usr/bin/env node
// The benchmarks: set-up, then bench/main.ts in this same process.
import { ensureSetup, reportFailure } from '../scripts/setup.mjs';

try {
  await ensureSetup({ natsServer: true });
} catch (err) {
  process.exit(reportFailure(err));
}
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('../bench/main.ts');
process.exitCode = await main(process.argv.slice(2));
