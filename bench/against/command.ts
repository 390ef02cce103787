import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { note, print, printJson } from '../../src/cli/output.ts';
import { positive } from '../../src/cli/values.ts';
import { checkData, runAgainst } from './against.ts';
import { checkOut, removeCheckout, thisTree } from './checkout.ts';
import { DEFAULTS, type RowOptions } from './options.ts';
import { textOf } from './report.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows/mod.ts';

interface Options extends RowOptions {
  ref: string;
  rows: Row[];
  rounds: number;
  keep?: string;
  json?: boolean;
}

/** As a shell reports a program that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** `npm run bench -- against` */
export const againstBench = (): Command =>
  new Command('against')
    .description('measure this tree and another revision by turns, and show how many times better this one is')
    .requiredOption('--ref <rev>', 'revision to compare with: a commit, a branch or a tag of this clone')
    .addOption(
      new Option('--rows <names>', 'rows to measure, separated by commas').argParser(rowsOf).makeOptionMandatory(),
    )
    .option('--rounds <n>', 'measurements of each row in each tree', positive, 3)
    .option('--keep <dir>', 'keep the checkout of the revision in this folder, and use it again')
    .option('--inter <file>', 'interactions, in any form that an import takes')
    .option('--item <file>', 'items of an atomic file, published as the catalogue')
    .option('--data <path>', 'file or folder to import')
    .option('--lists <n>', 'fold, lists: lists to time in one thread', positive, DEFAULTS.lists)
    .option('--catalogue-items <n>', 'lists: simulated items', positive, DEFAULTS.catalogueItems)
    .option('--catalogue-users <n>', 'lists: simulated users', positive, DEFAULTS.catalogueUsers)
    .option('--catalogue-events <n>', 'lists: simulated interactions', positive, DEFAULTS.catalogueEvents)
    .option('--shop-items <n>', 'simulated: items', positive, DEFAULTS.shopItems)
    .option('--shop-users <n>', 'simulated: users', positive, DEFAULTS.shopUsers)
    .option('--shop-events <n>', 'simulated: interactions', positive, DEFAULTS.shopEvents)
    .option('--demo-events <n>', 'start: interactions of the demo (default: as configured)', positive)
    .option('--busy-items <n>', 'catching-up, steady: items', positive, DEFAULTS.busyItems)
    .option('--busy-users <n>', 'catching-up, steady: users', positive, DEFAULTS.busyUsers)
    .option(
      '--busy-events <n>',
      'catching-up, steady: interactions before the measurement',
      positive,
      DEFAULTS.busyEvents,
    )
    .option('--burst <n>', 'catching-up: events to catch up with', positive, DEFAULTS.burst)
    .option(
      '--seconds <n>',
      'catching-up: seconds without events; steady: also with events',
      positive,
      DEFAULTS.seconds,
    )
    .option('--events <n>', 'rebuild, replica: interactions in the log', positive, DEFAULTS.events)
    .option('--json', 'write JSON, with the values of all rounds')
    .addHelpText(
      'after',
      `
Rows:
${ROWS.map(({ name, about, needs }) => `  ${name.padEnd(12)} ${about}${needs.length > 0 ? ` (needs --${needs.join(', --')})` : ''}`).join('\n')}

The command checks the revision out beside this tree and sets it up with its own \`npm run setup\`. The two trees run by
turns, so that other work on the machine slows both down; use a quiet machine nevertheless.

Examples:
  npm run bench -- against --ref main --rows lists
  npm run bench -- against --ref v1.2 --rows fold,lists --inter ml-100k.inter --item ml-100k.item --keep ../v1.2`,
    )
    .action(async ({ ref: rev, rows, rounds, keep, json, ...options }: Options) => {
      checkData(rows, options);
      const temporary = mkdtempSync(join(tmpdir(), 'freshet-against-'));
      const checkout = keep ?? join(temporary, 'ref');
      const remove = (): void => {
        if (keep === undefined) removeCheckout(ROOT, checkout);
        rmSync(temporary, { recursive: true, force: true });
      };
      const interrupted = (): void => {
        remove();
        process.exit(EXIT_INTERRUPTED);
      };
      process.once('SIGINT', interrupted);
      try {
        const ref = await checkOut({ root: ROOT, rev, folder: checkout, say: note });
        const trees = { ref, new: await thisTree(ROOT) };
        const figures = await runAgainst({ ...trees, rows, rounds, options, folder: temporary, say: note });
        if (json) printJson(figures);
        else print(textOf(figures));
      } finally {
        process.removeListener('SIGINT', interrupted);
        remove();
      }
    });

function rowsOf(text: string): Row[] {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names)
    if (!ROWS.some((row) => row.name === name))
      throw new InvalidArgumentError(
        `${JSON.stringify(name)} is not a row. The rows are ${ROWS.map((row) => row.name).join(', ')}.`,
      );
  return ROWS.filter(({ name }) => names.includes(name));
}
