import { Command } from 'commander';
import { call } from '../../bus/micro.ts';
import type { HistoryAnswer } from '../../user/api.ts';
import { note, print, printJson, table } from '../output.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';
import { titlesOf } from '../titles.ts';
import { positive } from '../values.ts';

interface HistoryOptions extends CommonOptions {
  n: number;
  before?: number;
}

/** `freshet history` */
export const historyVerb = (): Command =>
  withCommon(
    new Command('history')
      .description('what a user did, newest first')
      .argument('<user>', 'id of the user')
      .option('-n, --n <n>', 'events, at most 1000', positive, 20)
      .option('--before <seq>', 'events before this sequence: the page that an answer named as next', positive),
  ).action((user: string, options: HistoryOptions) =>
    withSession(options, async ({ nc }) => {
      const answer = await call<HistoryAnswer>(nc, 'freshet.user.history', {
        user,
        n: options.n,
        ...(options.before === undefined ? {} : { before: options.before }),
      });
      if (options.json) return printJson(answer);
      const titles = await titlesOf(
        nc,
        answer.events.map(({ item }) => item),
      );
      const rows = answer.events.map(({ seq, time, type, item, value }) => [
        String(seq),
        time,
        type,
        item,
        titles.get(item) ?? '',
        value === undefined ? '' : String(value),
      ]);
      print(rows.length === 0 ? 'No interactions.' : table(rows, ['seq', 'time', 'type', 'item', 'title', 'value']));
      if (answer.next !== null) note(`next page: --before ${answer.next}`);
    }),
  );
