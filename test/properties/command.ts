/** `npm run test:long -- properties`: the laws of the fold, with more runs than `npm test` has time for. */
import { Command } from 'commander';
import { runVitest } from '../../scripts/test.mjs';

/** Batching, crashes, repetition and re-delivery; forgetting; order of users; partitions. */
const LAWS = [
  'src/bus/projection/loop.int.test.ts',
  'src/bus/projection/store.int.test.ts',
  'src/bus/projection/data-subjects.int.test.ts',
  'src/engine/fold/model-fold.int.test.ts',
  'src/engine/model/model.unit.test.ts',
  'src/engine/model/feedback.unit.test.ts',
];

export const propertiesCommand = (): Command =>
  new Command('properties')
    .description('test the laws of the fold on drawn cases; a failure names the seed that reproduces it (5 minutes)')
    .option('--times <n>', 'how many times the runs of `npm test`', '20')
    .action(async ({ times }: { times: string }) => {
      process.exitCode = await runVitest(LAWS, { FRESHET_PROPERTY_TIMES: times });
    });
