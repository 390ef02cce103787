/** `npm run test:faults`: the short form, or with `--long` the whole; prints the table and what was not as it has to be. */
import { Command } from 'commander';
import type { FaultResult } from './fault.ts';
import { FAULTS } from './kinds/all.ts';
import { createFaultRunner } from './runner.ts';
import { isWell, tableOf } from './table.ts';

interface FaultOptions {
  long?: boolean;
  only?: string[];
  seed: string;
  json?: boolean;
  list?: boolean;
}

const program = new Command('test:faults')
  .description('puts faults into a real system and compares it afterwards with what was acknowledged')
  .option('--long', 'every fault, as often and as long as it is meant to be; half an hour')
  .option('--only <fault...>', 'these faults only')
  .option('--seed <n>', 'of the events and of the moments', '1')
  .option('--list', 'say which faults there are')
  .option('--json', 'write the results as JSON')
  .parse();
const { long = false, only, seed, json, list } = program.opts<FaultOptions>();
const say = (line: string): void =>
  void process.stderr.write(`${(performance.now() / 1_000).toFixed(0).padStart(4)} s  ${line}\n`);

if (list)
  for (const { name, what, times } of FAULTS) console.log(`${name}: ${what} (${times.short}, long ${times.long})`);
else process.exitCode = await run();

async function run(): Promise<number> {
  const unknown = only?.filter((name) => !FAULTS.some((fault) => fault.name === name)) ?? [];
  if (unknown.length > 0) {
    say(`unknown: ${unknown.join(', ')}; see --list`);
    return 2;
  }
  const runner = createFaultRunner({ long, seed: Number(seed), say });
  const results: FaultResult[] = [];
  for (const fault of FAULTS) {
    if (only ? !only.includes(fault.name) : (long ? fault.times.long : fault.times.short) === 0) continue;
    const result = await runner.run(fault);
    results.push(result);
    if (result.skipped !== undefined) say(`${fault.name}: not injected here, ${result.skipped}`);
    for (const wrong of result.wrong) say(`${fault.name}: WRONG: ${wrong}`);
  }
  const differing = await runner.verified();
  for (const wrong of differing) say(`WRONG: ${wrong}`);
  await runner.stop();
  console.log(json ? JSON.stringify(results) : tableOf(results));
  const bad = results.filter((result) => !isWell(result));
  say(bad.length + differing.length === 0 ? 'all well' : `not well: ${bad.map(({ name }) => name).join(', ')}`);
  return bad.length === 0 && differing.length === 0 ? 0 : 1;
}
