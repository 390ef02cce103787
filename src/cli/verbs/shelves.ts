import { Command } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { ShelvesAnswer } from '../../engine/serve/lists.ts';
import { note, print, printJson } from '../output.ts';
import { noteWarnings, rankingText, withFields } from '../ranking.ts';
import { type CommonOptions, withCommon, withServices } from '../session.ts';
import { json, positive } from '../values.ts';

interface ShelvesOptions extends CommonOptions {
  n: number;
  rows: number;
  filter?: Record<string, unknown>;
  fields?: string[];
}

/** `freshet shelves` */
export const shelvesVerb = (): Command =>
  withCommon(
    withFields(
      new Command('shelves')
        .description('list titled rows of items for a user: a page of recommendations')
        .argument('<user>', 'id of the user; an unknown user gets new and popular items')
        .option('-n, --n <n>', 'how many items in a row', positive, 5)
        .option('--rows <n>', 'how many rows at most', positive, 5)
        .option('--filter <json>', 'only items that match: {"tags": "sea"}', json),
    ),
  ).action((user: string, options: ShelvesOptions) =>
    withServices(options, async ({ nc }) => {
      const { n, rows, filter, fields } = options;
      const answer = await call<ShelvesAnswer>(nc, 'freshet.engine.shelves', {
        user,
        n,
        rows,
        ...(filter === undefined ? {} : { filter }),
        ...(fields === undefined ? {} : { fields }),
      });
      if (options.json) return printJson(answer);
      for (const [i, { title, source, items }] of answer.shelves.entries()) {
        print(`${i === 0 ? '' : '\n'}${title}  (source ${source})`);
        print(await rankingText(nc, { items: [...items] }));
      }
      if (answer.shelves.length === 0) print('There are no rows.');
      note(`computed at sequence ${answer.seq}, snapshot ${answer.snapshot}, configuration ${answer.config}`);
      noteWarnings(answer);
    }),
  );
