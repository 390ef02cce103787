import { Command } from 'commander';
import { note, print, printJson } from '../../src/cli/output.ts';
import { positive, whole } from '../../src/cli/values.ts';
import { type ColdStart, type ColdStartOptions, showColdStart } from './cold-start.ts';

/** `npm run bench -- cold-start` */
export const coldStartBench = (): Command =>
  new Command('cold-start')
    .description('what a user with one event gets, and who gets an item without any, with titles of your data')
    .requiredOption('--inter <file>', 'interactions, in any form that an import takes')
    .requiredOption('--item <file>', 'items, with titles and tags')
    .option('--taken <id>', 'item that the new user has taken; left out: the one taken most')
    .option('--held <id>', 'item whose interactions are held back; left out: one that a fifth of the users took')
    .option('-n, --n <n>', 'items of a list', positive, 10)
    .option('--users <n>', 'users who took it, and others, that are asked', positive, 200)
    .option('--seed <n>', 'seed of the draw of users', whole, 1)
    .option('--json', 'write JSON')
    .action(async ({ json, ...options }: Omit<ColdStartOptions, 'say'> & { json?: boolean }) => {
      const shown = await showColdStart({ ...options, taken: options.taken, held: options.held, say: note });
      if (json) printJson(shown);
      else print(textOf(shown));
    });

function textOf({ newUser, newItem }: ColdStart): string {
  const lines = (titles: readonly string[]): string[] => titles.map((title, at) => `  ${at + 1}. ${title}`);
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return [
    `A user who has taken one item, ${newUser.taken}`,
    ...lines(newUser.list),
    '',
    `An item that nobody has taken, ${newItem.item}`,
    'goes with:',
    ...lines(newItem.similar),
    `In truth ${newItem.takenBy} users took it. It is among the first ${newItem.depth} of ${percent(newItem.amongTheirs)} of them,`,
    `and of ${percent(newItem.amongOthers)} of the others. It stands highest for:`,
    ...newItem.best.map(
      ({ rank, took, last }) =>
        `  place ${rank}, who ${took ? 'took it' : 'did not take it'}; took last: ${last.join('; ')}`,
    ),
  ].join('\n');
}
