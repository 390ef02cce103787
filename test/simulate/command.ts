/** `npm run test:long -- simulate`: simulated lives of all services; a seed that fails can be run again by itself. */
import { Command } from 'commander';
import { simulateServices } from './simulation.ts';

export const simulateCommand = (): Command =>
  new Command('simulate')
    .description(
      'run all services on the in-memory log, in virtual time, with faults that follow from a seed (5 minutes)',
    )
    .option('--seed <n>', 'the first seed', '1')
    .option('--runs <n>', 'the number of seeds', '1000')
    .action(async ({ seed, runs }: { seed: string; runs: string }) => {
      process.exitCode = await simulate(Number(seed), Number(runs));
    });

async function simulate(first: number, runs: number): Promise<number> {
  let messages = 0;
  let deaths = 0;
  let failed = 0;
  const began = performance.now();
  for (let seed = first; seed < first + runs; seed++) {
    try {
      const result = await simulateServices(seed);
      messages += result.messages;
      deaths += result.deaths;
      if (result.wrong.length === 0) continue;
      for (const wrong of result.wrong) console.log(`seed ${seed}: ${wrong}`);
    } catch (err) {
      console.log(`seed ${seed}: ${err instanceof Error ? err.stack : String(err)}`);
    }
    failed++;
    console.log(`Run it again: npm run test:long -- simulate --seed ${seed} --runs 1`);
  }
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  console.log(`${runs} runs, ${messages} messages, ${deaths} deaths, ${failed} failed, ${seconds} s`);
  return failed === 0 ? 0 : 1;
}
