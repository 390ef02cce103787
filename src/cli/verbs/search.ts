import { Command } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { SearchAnswer } from '../../content/search/part.ts';
import { note, print, printJson } from '../output.ts';
import { noteWarnings, rankingText, withFields } from '../ranking.ts';
import { type CommonOptions, withCommon, withServices } from '../session.ts';
import { json, positive } from '../values.ts';

interface SearchOptions extends CommonOptions {
  n?: number;
  user?: string;
  tag?: string;
  filter?: Record<string, unknown>;
  withdrawn?: boolean;
  fields?: string[];
}

/** `freshet search` */
export const searchVerb = (): Command =>
  withCommon(
    withFields(
      new Command('search')
        .description('find items by words of their titles, tags and attributes')
        .argument('<words...>', 'items match that have all of them, the last one also as the beginning of a word')
        .option('-n, --n <n>', 'how many items', positive)
        .option('--user <user>', 'put the items that fit this user first')
        .option('--tag <tag>', 'only items with this tag')
        .option('--filter <json>', 'only items that match: {"tags": "sea"}', json)
        .option('--withdrawn', 'find withdrawn items too'),
    ),
  ).action((words: string[], options: SearchOptions) =>
    withServices(options, async ({ nc }) => {
      const { n, user, tag, filter, withdrawn } = options;
      const fields = options.fields ?? (options.json ? undefined : []);
      const answer = await call<SearchAnswer>(nc, 'freshet.content.search', {
        q: words.join(' '),
        ...(n === undefined ? {} : { n }),
        ...(user === undefined ? {} : { user }),
        ...(tag === undefined ? {} : { tag }),
        ...(filter === undefined ? {} : { filter }),
        ...(withdrawn ? { withdrawn } : {}),
        ...(fields === undefined ? {} : { fields }),
      });
      if (options.json) return printJson(answer);
      print(answer.items.length === 0 ? 'No item matches.' : await rankingText(nc, answer));
      const order = answer.order === 'user' ? `ranked for ${user}` : 'in the order of their texts';
      note(`${order}, at sequence ${answer.seq}${answer.more ? '; more items match' : ''}`);
      noteWarnings(answer);
    }),
  );
