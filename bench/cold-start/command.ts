import { Command } from 'commander';
import { note, print, printJson } from '../../src/cli/output.ts';
import { positive, whole } from '../../src/cli/values.ts';
import { type ColdStart, type ColdStartOptions, showColdStart } from './cold-start.ts';

/** `npm run bench -- cold-start` */
export const coldStartBench = (): Command =>
  new Command('cold-start')
    .description(
      'show the list of a user with one event, and the users that get an item without events, with titles of your data',
    )
    .requiredOption('--inter <file>', 'interactions, in any form that an import takes')
    .requiredOption('--item <file>', 'items, with titles and tags')
    .option('--taken <id>', 'item that the new user has taken (default: the most taken one)')
    .option(
      '--held <id>',
      'item whose interactions the engine does not learn (default: one that a fifth of the users took)',
    )
    .option('-n, --n <n>', 'items of a list', positive, 10)
    .option('--users <n>', 'how many users that took the item, and how many others, get a list', positive, 200)
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
    `A user with one interaction, ${newUser.taken}`,
    ...lines(newUser.list),
    '',
    `An item without interactions, ${newItem.item}`,
    'goes with:',
    ...lines(newItem.similar),
    `In the data ${newItem.takenBy} users took it. It is among the first ${newItem.depth} items of ${percent(newItem.amongTheirs)} of them,`,
    `and of ${percent(newItem.amongOthers)} of the others. It has the highest places for:`,
    ...newItem.best.map(
      ({ rank, took, last }) =>
        `  place ${rank}: a user that ${took ? 'took it' : 'did not take it'}; last items: ${last.join('; ')}`,
    ),
  ].join('\n');
}
