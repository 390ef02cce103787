import { Command } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { RankingAnswer } from '../../engine/serve/lists.ts';
import { printJson } from '../output.ts';
import { printRanking, withFields } from '../ranking.ts';
import { type CommonOptions, withCommon, withServices } from '../session.ts';
import { positive } from '../values.ts';

/** `freshet trending` */
export const trendingVerb = (): Command =>
  withCommon(
    withFields(
      new Command('trending')
        .description('list the trending items: those with the most interactions lately')
        .option('-n, --n <n>', 'how many items', positive, 10),
    ),
  ).action((options: CommonOptions & { n: number; fields?: string[] }) =>
    withServices(options, async ({ nc }) => {
      const answer = await call<RankingAnswer>(nc, 'freshet.engine.trending', {
        n: options.n,
        ...(options.fields === undefined ? {} : { fields: options.fields }),
      });
      if (options.json) return printJson(answer);
      await printRanking(nc, answer);
    }),
  );
