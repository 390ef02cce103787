/** `npm run test:simulate -- --seed N --runs M`: simulated lives from seed N on; a seed that fails can be run again by itself. */
import { Command } from 'commander';
import { simulateServices } from './simulation.ts';

const program = new Command('test:simulate')
  .description('all services on the in-memory log, in virtual time, with faults that follow from the seed')
  .option('--seed <n>', 'the first seed', '1')
  .option('--runs <n>', 'how many seeds', '1000')
  .parse();
const { seed, runs } = program.opts<{ seed: string; runs: string }>();

let messages = 0;
let deaths = 0;
let failed = 0;
const began = performance.now();
for (let n = 0; n < Number(runs); n++) {
  const one = Number(seed) + n;
  try {
    const result = await simulateServices(one);
    messages += result.messages;
    deaths += result.deaths;
    if (result.wrong.length === 0) continue;
    failed++;
    for (const wrong of result.wrong) console.log(`seed ${one}: ${wrong}`);
  } catch (err) {
    failed++;
    console.log(`seed ${one}: ${err instanceof Error ? err.stack : String(err)}`);
  }
  console.log(`again: npm run test:simulate -- --seed ${one} --runs 1`);
}
const seconds = ((performance.now() - began) / 1_000).toFixed(0);
console.log(`${runs} runs, ${messages} messages, ${deaths} deaths, ${failed} failed, ${seconds} s`);
process.exitCode = failed === 0 ? 0 : 1;
