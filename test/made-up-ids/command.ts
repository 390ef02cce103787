/** `npm run test:long -- made-up-ids`: more made-up ids than the model has numbers for. */
import { Command } from 'commander';
import { viewMadeUpIds } from './run.ts';

const PUBLISHED = 1_000;

export const madeUpIdsCommand = (): Command =>
  new Command('made-up-ids')
    .description(
      'fold views of made-up items into the model, a new user for each, then publish a catalogue and serve it (10 million: a minute, 3 GB)',
    )
    .option('--views <n>', 'how many views', '10000000')
    .option('--users <n>', 'how many users view in turn; left out: each view has a new user')
    .action(({ views, users }: { views: string; users?: string }) => {
      const result = viewMadeUpIds({
        views: Number(views),
        ...(users === undefined ? {} : { users: Number(users) }),
        published: PUBLISHED,
        tenth: (figures) =>
          console.log(
            `${figures.views} views: ${figures.usPerView.toFixed(1)} µs of processor time per view, ${Math.round(figures.residentBytes / 1e6)} MB resident`,
          ),
      });
      console.log(JSON.stringify(result));
      process.exitCode = result.served === PUBLISHED && result.unpublished === 0 ? 0 : 1;
    });
