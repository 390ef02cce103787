/**
 * `npm run test:long -- NAME`: the long form of a suite; `npm test` runs a small case of it. The commands run from
 * their sources; each ends with 0 only if all that it checked holds.
 */
import { Command } from 'commander';
import { backupCommand } from '../backup/command.ts';
import { e2eCommand } from '../e2e/command.ts';
import { faultsCommand } from '../faults/command.ts';
import { stateHashCommand } from '../golden/command.ts';
import { nodesCommand } from '../golden/nodes-command.ts';
import { madeUpIdsCommand } from '../made-up-ids/command.ts';
import { alertsCommand } from '../monitoring/command.ts';
import { propertiesCommand } from '../properties/command.ts';
import { simulateCommand } from '../simulate/command.ts';
import { stepsCommand } from '../steps/command.ts';

const LONG_SUITES: readonly (() => Command)[] = [
  e2eCommand,
  backupCommand,
  faultsCommand,
  simulateCommand,
  madeUpIdsCommand,
  propertiesCommand,
  stepsCommand,
  stateHashCommand,
  nodesCommand,
  alertsCommand,
];

export function longCommand(): Command {
  const program = new Command('test:long')
    .usage('NAME [options]')
    .description(
      'Run the long form of a suite: `npm run test:long -- NAME`. `npm test` runs a small case of each. ' +
        '`npm run test:long -- NAME --help` lists the options of a suite.',
    )
    .helpCommand(false)
    .showHelpAfterError();
  for (const suite of LONG_SUITES) program.addCommand(suite().copyInheritedSettings(program));
  return program;
}
