/** `npm run test:long -- e2e`: whole systems, longer than `npm test` has time for (`*.long.test.ts`). */
import { Command } from 'commander';
import { runVitest } from '../../scripts/test.mjs';

export const e2eCommand = (): Command =>
  new Command('e2e')
    .description(
      'back up, destroy and restore a system; kill every process of one during an import; import the catalogue of a shop for a week; and more (7 minutes)',
    )
    .argument('[names...]', 'run only the files whose path holds one of these, such as backup')
    .action(async (names: string[]) => {
      process.exitCode = await runVitest(names, { FRESHET_TEST_LONG: '1' });
    });
