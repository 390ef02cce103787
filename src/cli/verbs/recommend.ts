import { Command } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { RankingAnswer } from '../../engine/serve/lists.ts';
import { note, printJson } from '../output.ts';
import { printRanking, withFields } from '../ranking.ts';
import { type CommonOptions, withCommon, withServices } from '../session.ts';
import { json, positive, whole } from '../values.ts';

interface RecommendOptions extends CommonOptions {
  n: number;
  fields?: string[];
  exclude?: string[];
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
    withFields(
      new Command('recommend')
        .description('list the recommendations for a user')
        .argument('<user>', 'id of the user; an unknown user gets popular items')
        .option('-n, --n <n>', 'how many items', positive, 10)
        .option('--exclude <item>', 'exclude this item; may be repeated', (item: string, all: string[] = []) => [
          ...all,
          item,
        ])
        .option('--filter <json>', 'only items that match: {"tags": "sea"}', json)
        .option('--context <json>', 'context of the request: {"device": "phone", "hour": 8}', json)
        .option('--explain', 'show the reasons for each item')
        .option('--min-seq <seq>', 'wait until the engine has folded the event with this sequence', whole)
        .option('--timeout-ms <ms>', 'how long to wait for --min-seq, milliseconds', whole)
        .option('--max-age-ms <ms>', 'greatest age of a cached list, milliseconds; 0: compute a new list', whole)
        .option('--cursor <cursor>', 'show the next page; the previous page names the cursor'),
    ),
  ).action((user: string, options: RecommendOptions) =>
    withServices(options, async ({ nc }) => {
      const { n, exclude = [], explain, minSeq, maxAgeMs, timeoutMs, cursor, filter, context, fields } = options;
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
        ...(fields === undefined ? {} : { fields }),
      });
      if (options.json) return printJson(answer);
      await printRanking(nc, answer);
      if (answer.next) note(`next page: --cursor ${answer.next}`);
    }),
  );
