#!/usr/bin/env node
// The benchmarks: set-up, then bench/main.ts in this same process.
import { ensureSetup, ROOT, reportFailure } from '../scripts/setup.mjs';

try {
  await ensureSetup({ natsServer: true });
} catch (err) {
  process.exit(reportFailure(err));
}
const { loadProgram } = await import('../scripts/setup/bundle.mjs');
const { main } = await loadProgram(ROOT, 'bench');
process.exitCode = await main(process.argv.slice(2));
