/** `npm run bench -- WHAT`: each benchmark prints a reference from the same run beside its figures. */
import { Command, CommanderError } from 'commander';
import { report } from '../src/cli/output.ts';
import { accountsBench } from './accounts/command.ts';
import { accuracyBench } from './accuracy/command.ts';
import { againstBench } from './against/command.ts';
import { coldStartBench } from './cold-start/command.ts';
import { consoleBench } from './console/command.ts';
import { engineBench } from './engine/command.ts';
import { forgetBench } from './forget/command.ts';
import { forgetLargeBench } from './forget/large-command.ts';
import { learningCurveBench } from './learning-curve/command.ts';
import { loadBench } from './load/command.ts';
import { pipelineBench } from './pipeline/command.ts';
import { replayBench, replayOneBench } from './replay/command.ts';
import { replicaBench } from './replica/command.ts';
import { searchBench } from './search/command.ts';
import { servingBench } from './serving/command.ts';

export async function main(args: readonly string[]): Promise<number> {
  const program = new Command('bench')
    .description('benchmarks; each prints what it is measured against')
    .exitOverride();
  program.addCommand(accountsBench().exitOverride());
  program.addCommand(accuracyBench().exitOverride());
  program.addCommand(againstBench().exitOverride());
  program.addCommand(engineBench().exitOverride());
  program.addCommand(consoleBench().exitOverride());
  program.addCommand(coldStartBench().exitOverride());
  program.addCommand(forgetBench().exitOverride());
  program.addCommand(forgetLargeBench().exitOverride());
  program.addCommand(learningCurveBench().exitOverride());
  program.addCommand(loadBench().exitOverride());
  program.addCommand(pipelineBench().exitOverride());
  program.addCommand(replayBench().exitOverride());
  program.addCommand(replayOneBench().exitOverride(), { hidden: true });
  program.addCommand(replicaBench().exitOverride());
  program.addCommand(searchBench().exitOverride());
  program.addCommand(servingBench().exitOverride());
  if (args.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (err) {
    if (err instanceof CommanderError) return err.exitCode === 0 ? 0 : 2;
    return report(err);
  }
}
