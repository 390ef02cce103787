import { Command } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { RankingAnswer } from '../../engine/serve/lists.ts';
import { note, print, printJson } from '../output.ts';
import { originText, rankingText } from '../ranking.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';
import { json, positive, whole } from '../values.ts';

interface RecommendOptions extends CommonOptions {
  n: number;
  exclude: string[];
  explain?: boolean;
  minSeq?: number;
  maxAgeMs?: number;
  timeoutMs?: number;
  cursor?: string;
  context?: Record<string, unknown>;
  filter?: Record<string, unknown>;
}

/** `freshet recommend` */
export const recommendVerb = (): Command =>
  withCommon(
    new Command('recommend')
      .description('the ranking of a user')
      .argument('<user>', 'id of the user; an unknown one gets what is popular')
      .option('-n, --n <n>', 'items', positive, 10)
      .option(
        '--exclude <item>',
        'leave this item out; may be repeated',
        (item: string, all: string[]) => [...all, item],
        [] as string[],
      )
      .option('--filter <json>', 'only items that match: {"tags": "sea"}', json)
      .option('--context <json>', 'circumstances that it is asked in: {"device": "phone", "hour": 8}', json)
      .option('--explain', 'say why each item is there')
      .option('--min-seq <seq>', 'from a state that holds the event with this sequence', whole)
      .option('--timeout-ms <ms>', 'how long to wait for --min-seq, milliseconds', whole)
      .option('--max-age-ms <ms>', 'how old the list may be, milliseconds; 0 computes it afresh', whole)
      .option('--cursor <cursor>', 'the page that an answer named as next'),
  ).action((user: string, options: RecommendOptions) =>
    withSession(options, async ({ nc }) => {
      const { n, exclude, explain, minSeq, maxAgeMs, timeoutMs, cursor, filter, context } = options;
      const answer = await call<RankingAnswer>(nc, 'freshet.engine.recommend', {
        user,
        n,
        ...(exclude.length > 0 ? { exclude } : {}),
        ...(explain ? { explain } : {}),
        ...(minSeq === undefined ? {} : { min_seq: minSeq }),
        ...(maxAgeMs === undefined ? {} : { max_age_ms: maxAgeMs }),
        ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
        ...(cursor === undefined ? {} : { cursor }),
        ...(filter === undefined ? {} : { filter }),
        ...(context === undefined ? {} : { context }),
      });
      if (options.json) return printJson(answer);
      print(await rankingText(nc, answer));
      note(originText(answer));
      if (answer.next) note(`next page: --cursor ${answer.next}`);
    }),
  );
