import { Command } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { RankingAnswer } from '../../engine/serve/lists.ts';
import { printJson } from '../output.ts';
import { printRanking, withFields } from '../ranking.ts';
import { type CommonOptions, withCommon, withServices } from '../session.ts';
import { positive } from '../values.ts';

interface SimilarOptions extends CommonOptions {
  n: number;
  fields?: string[];
  explain?: boolean;
}

/** `freshet similar` */
export const similarVerb = (): Command =>
  withCommon(
    withFields(
      new Command('similar')
        .description('list the items that are similar to an item')
        .argument('<item>', 'id of the item')
        .option('-n, --n <n>', 'how many items', positive, 10)
        .option('--explain', 'show the reasons for each item'),
    ),
  ).action((item: string, options: SimilarOptions) =>
    withServices(options, async ({ nc }) => {
      const answer = await call<RankingAnswer>(nc, 'freshet.engine.similar', {
        item,
        n: options.n,
        ...(options.explain ? { explain: true } : {}),
        ...(options.fields === undefined ? {} : { fields: options.fields }),
      });
      if (options.json) return printJson(answer);
      await printRanking(nc, answer);
    }),
  );
