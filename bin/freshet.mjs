#!/usr/bin/env node
// The command line: sees to it that the clone is set up, then hands over to src/cli/main.ts in this same process.
import { endWithNpm } from '../scripts/setup/parent.mjs';
import { ensureSetup, ROOT, reportFailure } from '../scripts/setup.mjs';

const args = process.argv.slice(2);
// Only `up` starts a server of its own; every other verb talks to one that runs, or to none.
const natsServer = args[0] === 'up' && !args.some((arg) => /^--(nats(=|$)|help$)/.test(arg));

endWithNpm();
try {
  await ensureSetup({ natsServer });
} catch (err) {
  process.exit(reportFailure(err));
}
const { loadProgram } = await import('../scripts/setup/bundle.mjs');
const { main } = await loadProgram(ROOT, 'freshet');
process.exitCode = await main(args);
