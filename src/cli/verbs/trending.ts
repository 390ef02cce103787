import { Command } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { RankingAnswer } from '../../engine/serve/lists.ts';
import { note, print, printJson } from '../output.ts';
import { originText, rankingText } from '../ranking.ts';
import { type CommonOptions, withCommon, withServices } from '../session.ts';
import { positive } from '../values.ts';

/** `freshet trending` */
export const trendingVerb = (): Command =>
  withCommon(
    new Command('trending')
      .description('list the trending items: those with the most interactions lately')
      .option('-n, --n <n>', 'how many items', positive, 10),
  ).action((options: CommonOptions & { n: number }) =>
    withServices(options, async ({ nc }) => {
      const answer = await call<RankingAnswer>(nc, 'freshet.engine.trending', { n: options.n });
      if (options.json) return printJson(answer);
      print(await rankingText(nc, answer));
      note(originText(answer));
    }),
  );
