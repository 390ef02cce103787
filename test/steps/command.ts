/** `npm run test:long -- steps`: stops every protocol over several files at each of its steps. */
import { Command } from 'commander';
import { PROTOCOLS } from './protocols.ts';
import { stopAtSteps } from './stops.ts';

export const stepsCommand = (): Command =>
  new Command('steps')
    .description('kill a process at each step of each protocol over several files, and go on with another (5 minutes)')
    .argument('[names...]', 'only protocols and steps whose name holds one of these')
    .option('--short', 'the selection of npm test')
    .option('--list', 'name all protocols and steps')
    .action(async (only: string[], { short = false, list = false }: { short?: boolean; list?: boolean }) => {
      if (list) {
        for (const { name, steps } of PROTOCOLS) console.log(`${name}: ${steps.join(', ')}`);
        return;
      }
      const { totals, wrong } = await stopAtSteps({ short, only, say: (line) => console.log(line) });
      for (const line of wrong) console.log(line);
      const { stops, lost, doubled, stuck } = totals;
      console.log(`${stops} stops: ${lost} lost, ${doubled} doubled, ${stuck} stuck`);
      process.exitCode = wrong.length === 0 ? 0 : 1;
      // Handles of libraries must not keep the command alive.
      process.exit();
    });
