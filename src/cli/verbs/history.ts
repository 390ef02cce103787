import { Command } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { HistoryAnswer } from '../../user/api.ts';
import { historyText } from '../history.ts';
import { note, print, printJson } from '../output.ts';
import { type CommonOptions, withCommon, withServices } from '../session.ts';
import { positive } from '../values.ts';

interface HistoryOptions extends CommonOptions {
  n: number;
  before?: number;
}

/** `freshet history` */
export const historyVerb = (): Command =>
  withCommon(
    new Command('history')
      .description('list the events of a user, newest first')
      .argument('<user>', 'id of the user')
      .option('-n, --n <n>', 'how many events, at most 1000', positive, 20)
      .option('--before <seq>', 'only events before this sequence; the previous page names it', positive),
  ).action((user: string, options: HistoryOptions) =>
    withServices(options, async ({ nc }) => {
      const answer = await call<HistoryAnswer>(nc, 'freshet.user.history', {
        user,
        n: options.n,
        ...(options.before === undefined ? {} : { before: options.before }),
      });
      if (options.json) return printJson(answer);
      print(await historyText(nc, answer));
      if (answer.next !== null) note(`next page: --before ${answer.next}`);
    }),
  );
