/** `npm run test:long -- faults`: injects every kind of fault, prints the table, and reports each failed check. */
import { Command } from 'commander';
import type { FaultResult } from './fault.ts';
import { FAULTS } from './kinds/all.ts';
import { createFaultRunner } from './runner.ts';
import { isWell, tableOf } from './table.ts';

interface FaultOptions {
  short?: boolean;
  only?: string[];
  seed: string;
  json?: boolean;
  list?: boolean;
}

export const faultsCommand = (): Command =>
  new Command('faults')
    .description('inject faults into a real system, and compare its state with the acknowledged events (16 minutes)')
    .option('--short', 'inject only the faults that `npm test` injects (a minute)')
    .option('--only <fault...>', 'inject only these faults')
    .option('--seed <n>', 'seed of the events and of the moments', '1')
    .option('--list', 'list the faults and how often each is injected')
    .option('--json', 'write the results as JSON')
    .action(async (options: FaultOptions) => {
      if (!options.list) process.exitCode = await run(options);
      else
        for (const { name, what, times } of FAULTS)
          console.log(`${name}: ${what} (${times.long}; ${times.short} with --short)`);
    });

const report = (line: string): void =>
  void process.stderr.write(`${(performance.now() / 1_000).toFixed(0).padStart(4)} s  ${line}\n`);

async function run({ short = false, only, seed, json }: FaultOptions): Promise<number> {
  const unknown = only?.filter((name) => !FAULTS.some((fault) => fault.name === name)) ?? [];
  if (unknown.length > 0) {
    report(`No fault is named ${unknown.join(', ')}. --list names all of them.`);
    return 2;
  }
  const runner = createFaultRunner({ long: !short, seed: Number(seed), say: report });
  const results: FaultResult[] = [];
  for (const fault of FAULTS) {
    if (only ? !only.includes(fault.name) : (short ? fault.times.short : fault.times.long) === 0) continue;
    const result = await runner.run(fault);
    results.push(result);
    if (result.skipped !== undefined) report(`${fault.name}: not injected on this machine: ${result.skipped}`);
    for (const wrong of result.wrong) report(`${fault.name}: WRONG: ${wrong}`);
  }
  const differing = await runner.verified();
  for (const wrong of differing) report(`WRONG: ${wrong}`);
  await runner.stop();
  console.log(json ? JSON.stringify(results) : tableOf(results));
  const bad = results.filter((result) => !isWell(result));
  const well = bad.length === 0 && differing.length === 0;
  report(well ? 'all well' : `failed: ${[...bad.map(({ name }) => name), ...differing].join(', ')}`);
  return well ? 0 : 1;
}
