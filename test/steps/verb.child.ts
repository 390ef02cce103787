/**
 * A verb of the command line that kills its process at a step: `verb.child.ts STEP NTH WORDS...`, at the NTH time that the
 * step is taken.
 */
import { observeFileSteps } from '../../src/bus/projection/file-steps.ts';
import { main } from '../../src/cli/main.ts';

const [until, nth, ...words] = process.argv.slice(2) as [string, string, ...string[]];
let left = Number(nth);
observeFileSteps((step) => {
  if (step === until && --left === 0) process.kill(process.pid, 'SIGKILL');
});
process.exitCode = await main(words);
